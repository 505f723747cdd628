import { rm } from 'node:fs/promises';
import t from 'tap';
import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { dockerProxy } from '../support/docker-proxy.ts';
import { dockerOrSkip } from '../support/dockerd.ts';
import { inDocker } from '../support/in-docker.ts';
import { lastingLeftovers } from '../support/leftovers.ts';
import { startTestService, temporaryFolder } from '../support/service.ts';
import { until } from '../support/until.ts';

t.setTimeout(600_000);

const docker = await dockerOrSkip(t);
const dir = await temporaryFolder();
const proxy = dockerProxy(dir);
await proxy.comeBack();
process.env.DOCKER_HOST = proxy.host;
const service = await startTestService({ SANDPLANE_WORKER_NAME: 'docker-away' });
t.teardown(async () => {
  await service.close();
  await proxy.leave();
  await rm(dir, { recursive: true, force: true });
});
const { client } = service;
const away = { status: 'unknown', reason: 'RuntimeUnavailable', message: /^Docker does not answer/ };
const frozen = { ...away, message: /^Docker does not answer: nothing within/ };
const order = () => client.call('POST', '/v1/sandboxes', { spec: { runtime: 'docker' } });

t.test('the daemon gone for a moment: creates under way and those sent meanwhile become ready', async (t) => {
  const underWay = (await order()).body.id;
  await client.waitFor(underWay, 'provisioning');
  await proxy.leave();
  const meanwhile = await order();
  t.equal(meanwhile.status, 202);
  for (const id of [underWay, meanwhile.body.id]) {
    await until(async () =>
      (await reasonsOf(id)).some((reason) => ['runtime_unavailable', 'internal'].includes(reason)),
    );
  }
  await proxy.comeBack();
  for (const id of [underWay, meanwhile.body.id]) {
    const { body } = await client.waitFor(id, 'ready', 120);
    t.match(body, { status: { phase: 'ready', failure: null } });
    t.notOk((await reasonsOf(id)).includes('internal'));
    await client.remove(id);
  }
});

t.test('while the daemon is away its sandboxes say so, and nothing is done to them', async (t) => {
  const { id } = (await client.create({ spec: { runtime: 'docker' } })).body;
  t.equal(await readiness(), '200 ok');
  await proxy.leave();
  t.match(await told(client.waitFor(id, 'degraded')), { phase: 'degraded', restarts: 0, apiServer: away });
  t.match(await readiness(), /^503 Docker does not answer: connect ENOENT/);
  const late = (await order()).body.id;
  await until(async () => JSON.stringify((await client.get(late)).body.status).includes('RuntimeUnavailable'));
  t.equal((await client.get(late)).body.status.phase, 'pending');
  await client.call('DELETE', `/v1/sandboxes/${late}`);
  t.equal((await client.waitFor(late, 'deleted')).status, 200, 'what no host has taken yet is gone at once');
  await proxy.comeBack();
  const apiServer = { status: 'true', reason: 'Answering' };
  t.match(await told(client.waitFor(id, 'ready')), { phase: 'ready', restarts: 0, apiServer });
  await until(async () => (await readiness()) === '200 ok');
  t.equal((await reasonsOf(id)).at(-1), 'Recovered');
  await client.remove(id);
});

t.test('with the daemon away at the start its sandboxes say so, and heal when it is back', async (t) => {
  const create = () => client.create({ spec: { runtime: 'docker' } });
  const [{ id }, { id: unwanted }] = [(await create()).body, (await create()).body];
  await service.restart(proxy.leave);
  t.match(await told(client.waitFor(id, 'degraded')), { phase: 'degraded', restarts: 0, apiServer: away });
  t.match(await readiness(), /^503 Docker does not answer/);
  await client.waitFor(unwanted, 'degraded');
  await client.call('DELETE', `/v1/sandboxes/${unwanted}`);
  t.match(await told(client.get(unwanted)), { phase: 'deleting', apiServer: away });
  await proxy.comeBack();
  t.match((await client.waitFor(id, 'ready')).body.status, { restarts: 0 });
  t.equal((await client.waitFor(unwanted, 'deleted')).status, 200);
  t.same(await lastingLeftovers(service, unwanted), []);
  await client.remove(id);
});

t.test('a daemon that comes up after the service is offered then', async (t) => {
  await service.restart(proxy.leave);
  t.match(await order(), { status: 503, body: { code: 'no_worker' } });
  t.equal(await readiness(), '200 ok', 'nobody misses it');
  await proxy.comeBack();
  let id = '';
  await until(async () => {
    const { status, body } = await order();
    id = body.id;
    return status === 202;
  });
  t.equal((await client.waitFor(id, 'ready', 120)).body.status.phase, 'ready');
  await client.remove(id);
});

t.test('a daemon that is frozen: its sandboxes say so, others go on, and nothing is lost', async (t) => {
  const { id } = (await client.create({ spec: { runtime: 'docker' } })).body;
  t.teardown(proxy.comeBack);
  // It freezes in the middle of a sweep, whose question is not answered.
  await proxy.freezeAt(/^GET \S+\/containers\/json/);
  t.match(await told(client.waitFor(id, 'degraded')), { phase: 'degraded', restarts: 0, apiServer: frozen });
  t.match(await readiness(), /^503 Docker does not answer: nothing within/);
  const late = await order();
  t.equal(late.status, 202);
  t.match(await client.call('GET', `/v1/sandboxes/${id}/logs?component=etcd`), { status: 503 });
  const other = (await client.create({ spec: { runtime: 'process' } })).body;
  t.match(other.status, { phase: 'ready' });
  await client.remove(other.id);
  await service.restart();
  t.match(await told(client.waitFor(id, 'degraded')), { phase: 'degraded', restarts: 0, apiServer: frozen });
  await proxy.comeBack();
  t.match((await client.waitFor(id, 'ready')).body.status, { restarts: 0 });
  t.match((await client.waitFor(late.body.id, 'ready', 120)).body.status, { phase: 'ready', failure: null });
  for (const one of [id, late.body.id]) await client.remove(one);
});

for (const [what, request] of [
  ['make a container', /^POST \S+\/containers\/create/],
  ['start a container', /^POST \S+\/containers\/\S+-etcd\/start/],
] as const) {
  t.test(`a daemon freezes and does late what it was asked for: to ${what}`, async (t) => {
    t.teardown(proxy.comeBack);
    const reached = proxy.freezeAt(request);
    const { id } = (await order()).body;
    await reached;
    await until(async () => (await reasonsOf(id)).includes('runtime_unavailable'));
    await proxy.comeBack();
    t.match((await client.waitFor(id, 'ready', 120)).body.status, { phase: 'ready', failure: null });
    t.notOk((await reasonsOf(id)).includes('internal'));
    t.equal((await inDocker(docker, id)).length, 3, 'one pair and its volume');
    await client.remove(id);
    t.same(await inDocker(docker, id), []);
  });
}

async function told(asked: ReturnType<typeof client.get>) {
  const { status }: Sandbox = (await asked).body;
  return { ...status, apiServer: status.conditions.find(({ type }) => type === 'ApiServerReady') };
}

async function readiness(): Promise<string> {
  const answer = await fetch(`${service.metricsUrl()}/readyz`);
  return `${answer.status} ${(await answer.text()).trim()}`;
}

/** Why what happened to it did. */
async function reasonsOf(id: string): Promise<string[]> {
  const { body } = await client.call<{ items: { reason: string }[] }>('GET', `/v1/sandboxes/${id}/events`);
  return body.items.map(({ reason }) => reason);
}
