import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { type Asked, type Model, newAsked, type Problem, present } from './model.ts';
import type { Random } from './random.ts';
import { type Api, askSandbox } from './requests.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

export interface ClientWorld {
  readonly model: Model;
  readonly api: Api;
  readonly mostSandboxes: number;
  /** Named in the objects of a run. */
  count(): number;
  found(problem: Problem): void;
}

/** One random thing that a client of the service does. */
export async function askService(world: ClientWorld, random: Random): Promise<void> {
  const { model, mostSandboxes } = world;
  // One whose deletion was not acknowledged may well run on.
  const count = model.filter(({ deletion }) => deletion !== 'acknowledged').length;
  const step = random.weighted([
    [count < mostSandboxes ? 4 : 0, create],
    [count > 1 ? 2 : 0, remove],
    [2, patch],
    [1, createAgain],
  ]);
  await step(world, random);
}

async function create(world: ClientWorld, random: Random): Promise<void> {
  const asked = newAsked(`n${world.count()}`, random.pick(['durable', 'ephemeral']) ?? 'durable');
  world.model.push(asked);
  await send(world, asked);
}

/** The same create once more, as a client does that got no answer, or that does not know whether it got one. */
async function createAgain(world: ClientWorld, random: Random): Promise<void> {
  const unanswered = world.model.filter(({ id }) => id === null);
  const asked = random.pick(unanswered.length > 0 ? unanswered : present(world.model));
  if (asked) await send(world, asked);
}

/** True once it was acknowledged. */
export async function send({ api, found }: ClientWorld, asked: Asked): Promise<boolean> {
  const { status, body } = await api('POST', '/v1/sandboxes', asked.body, { 'idempotency-key': asked.key });
  if (status !== 202 && status !== 201) return false;
  if (asked.id !== null && asked.id !== body.id)
    found({ kind: 'twice', what: `${asked.key}: ${asked.id}, ${body.id}` });
  asked.id ??= body.id;
  noteReady(asked, body);
  return true;
}

export function noteReady(asked: Asked, { status }: Sandbox): void {
  if (status.phase === 'ready') asked.wasReady = true;
}

async function remove(world: ClientWorld, random: Random): Promise<void> {
  const unanswered = world.model.filter(({ deletion }) => deletion === 'sent');
  const asked = random.pick(unanswered.length > 0 ? unanswered : present(world.model));
  if (asked) await sendDeletion(world, asked);
}

/** True once it was acknowledged. */
export async function sendDeletion({ api, found }: ClientWorld, asked: Asked): Promise<boolean> {
  const isFirst = asked.deletion === 'none';
  asked.deletion = 'sent';
  const { status } = await api('DELETE', `/v1/sandboxes/${asked.id}`);
  if (isFirst && status === 404) found({ kind: 'lost', what: `sandbox ${asked.id}, gone before its DELETE` });
  if (status !== 202 && status !== 404) return false;
  asked.deletion = 'acknowledged';
  return true;
}

async function patch({ model, api, count }: ClientWorld, random: Random): Promise<void> {
  const asked = random.pick(present(model));
  // Of two at once, nobody knows which came last.
  if (!asked || asked.mark.isUnderWay) return;
  const value = `m${count()}`;
  const { mark } = asked;
  // One without an answer may be carried out later than the next.
  mark.maybe.add(value);
  mark.isUnderWay = true;
  const { status, body } = await api('PATCH', `/v1/sandboxes/${asked.id}`, { labels: { mark: value } });
  mark.isUnderWay = false;
  if (status !== 200) return;
  mark.maybe.delete(value);
  mark.acknowledged = value;
  noteReady(asked, body);
}

/** One random thing that a user of a sandbox does, by the kubeconfig that he got once. */
export async function askOneSandbox({ model, api, count }: ClientWorld, random: Random): Promise<void> {
  const asked = random.pick(present(model));
  if (!asked) return;
  const isFirst = asked.kubeconfig === null;
  const kubeconfig = await kubeconfigOf(api, asked);
  if (isFirst || kubeconfig === null) return;
  const there = [...asked.objects].filter(([, state]) => state === 'there').map(([name]) => name);
  const isDeletion = there.length > 3 && random.between(0, 3) === 0;
  const name = (isDeletion && random.pick(there)) || `o${count()}`;
  asked.objects.set(name, 'maybe');
  if (isDeletion) {
    const { status } = await askSandbox(kubeconfig, 'DELETE', `${configMaps}/${name}`);
    if (status === 200) asked.objects.set(name, 'gone');
    return;
  }
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } };
  const { status } = await askSandbox(kubeconfig, 'POST', configMaps, object);
  if (status !== 201) return;
  asked.objects.set(name, 'there');
  asked.wasReady = true;
}

/** Asked for once, as users do; null while it is not told. */
export async function kubeconfigOf(api: Api, asked: Asked): Promise<string | null> {
  if (asked.kubeconfig && !asked.mayHaveMoved) return asked.kubeconfig;
  const { status, body } = await api<string>('GET', `/v1/sandboxes/${asked.id}/kubeconfig`);
  if (status !== 200) return null;
  asked.kubeconfig = body;
  return body;
}

/** The names of the objects that a sandbox has; null when it does not answer. */
export async function objectsOf(kubeconfig: string): Promise<string[] | null> {
  const { status, body } = await askSandbox(kubeconfig, 'GET', configMaps);
  return status === 200 ? (body.items ?? []).map(({ metadata }) => metadata.name) : null;
}
