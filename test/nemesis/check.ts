import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { type ClientWorld, kubeconfigOf, noteReady, objectsOf, send, sendDeletion } from './clients.ts';
import type { Machine, Thing } from './machine.ts';
import type { Asked, Problem } from './model.ts';
import type { Api } from './requests.ts';
import { thingsInRedis } from './store.ts';

const components = ['etcd', 'kube-apiserver'];
/** The first is a fault of the service; the others are over by another port, or once the daemon is back. */
const neverFinal = ['internal', 'port_taken', 'runtime_unavailable'];

/** Asks again for what got no answer, so that it is known what there has to be. False while some still gets none. */
async function settleAsked(world: ClientWorld): Promise<boolean> {
  const creates = world.model.filter(({ id }) => id === null).map((one) => send(world, one));
  const deletions = world.model.filter(({ deletion }) => deletion === 'sent').map((one) => sendDeletion(world, one));
  return (await Promise.all([...creates, ...deletions])).every(Boolean);
}

/** Compares what clients know with what the API says and with what is on the machine. */
export async function findProblems(world: ClientWorld, machine: Machine, dataDir: string): Promise<Problem[]> {
  if (!(await settleAsked(world))) return [{ kind: 'lost', what: 'a request that is sent again is not acknowledged' }];
  const inRedis = await thingsInRedis(dataDir);
  if (!inRedis) return [{ kind: 'lost', what: 'Redis, which does not answer' }];
  const things = [...(await machine.things()), ...inRedis];
  const ofClients = await Promise.all(world.model.map((asked) => problemsOf(world, asked, things)));
  const known = new Map(world.model.map((asked) => [asked.id, asked]));
  const isNetwork = ({ kind }: Thing) => kind === 'network';
  const networks = things.filter(isNetwork).map(({ name }) => name);
  const twice: Problem[] = networks.length > 1 ? [{ kind: 'twice', what: `the network: ${networks.join(', ')}` }] : [];
  const orphans = things
    .filter((one) => !isNetwork(one) && known.get(one.sandboxId)?.deletion !== 'none')
    .map(({ sandboxId, kind, name }): Problem => ({ kind: 'orphan', what: `${kind} ${name} of ${sandboxId || '?'}` }));
  return [...ofClients.flat(), ...twice, ...orphans];
}

async function problemsOf({ api }: ClientWorld, asked: Asked, things: readonly Thing[]): Promise<Problem[]> {
  const lost = (what: string): Problem => ({ kind: 'lost', what: `${what} (${asked.key}, ${asked.id})` });
  if (asked.isGone) return [];
  const { status, body } = await api('GET', `/v1/sandboxes/${asked.id}`);
  asked.isGone = asked.deletion !== 'none' && status === 404;
  if (asked.deletion !== 'none') return asked.isGone ? [] : [lost(`a DELETE: GET answers ${status}`)];
  if (status !== 200) return [lost(`the sandbox: GET answers ${status}`)];
  noteReady(asked, body);
  const own = things.filter(({ sandboxId }) => sandboxId === asked.id);
  if (body.status.phase === 'failed') return problemsOfFailed(asked, body, own, lost);
  const counts = components.map(
    (name) => [name, own.filter((one) => one.kind === 'component' && one.name === name).length] as const,
  );
  const problems = counts
    .filter(([, count]) => count !== 1)
    .map(([name, count]): Problem => ({ kind: count > 1 ? 'twice' : 'lost', what: `${count} ${name} of ${asked.id}` }));
  if (body.status.phase !== 'ready') problems.push(lost(`the sandbox is ${body.status.phase}`));
  const marks = [asked.mark.acknowledged ?? undefined, ...asked.mark.maybe];
  if (!marks.includes(body.labels.mark)) problems.push(lost(`a PATCH: mark is ${body.labels.mark}, not ${marks}`));
  return [...problems, ...(await problemsOfObjects(api, asked, lost))];
}

/** A start may fail, if it is told why; what was ready may fail only when its data was taken. */
function problemsOfFailed(
  asked: Asked,
  { status: { failure } }: Sandbox,
  own: readonly Thing[],
  lost: (what: string) => Problem,
): Problem[] {
  const running = own.filter(({ kind }) => kind === 'component');
  const runs = running.map(
    ({ name }): Problem => ({ kind: 'orphan', what: `${name} of ${asked.id}, which has failed` }),
  );
  const isTold = failure !== null && !neverFinal.includes(failure.code);
  if (isTold && (asked.isDataTaken || !asked.wasReady)) return runs;
  return [...runs, lost(`the sandbox has failed: ${failure?.code} ${failure?.message}`)];
}

async function problemsOfObjects(api: Api, asked: Asked, lost: (what: string) => Problem): Promise<Problem[]> {
  const kubeconfig = await kubeconfigOf(api, asked);
  const names = kubeconfig && (await objectsOf(kubeconfig));
  if (!names) return [lost('its kubeconfig is not answered')];
  const of = (wanted: string) => [...asked.objects].filter(([, state]) => state === wanted).map(([name]) => name);
  const missing = of('there').filter((name) => !names.includes(name));
  const back = of('gone').filter((name) => names.includes(name));
  return [
    ...missing.map((name) => lost(`the object ${name}`)),
    ...back.map((name) => lost(`the deletion of the object ${name}`)),
  ];
}
