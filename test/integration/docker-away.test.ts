import { rm } from 'node:fs/promises';
import t from 'tap';
import { dockerProxy } from '../support/docker-proxy.ts';
import { testDocker } from '../support/dockerd.ts';
import { startTestService, temporaryFolder } from '../support/service.ts';
import { until } from '../support/until.ts';

t.setTimeout(600_000);

const daemon = await testDocker();
if (typeof daemon === 'string') {
  t.plan(0, daemon);
  process.exit();
}
const dir = await temporaryFolder();
const proxy = dockerProxy(dir);
await proxy.comeBack();
process.env.DOCKER_HOST = proxy.host;
const service = await startTestService({ SANDPLANE_WORKER_NAME: 'docker-away' });
t.teardown(async () => {
  await service.close();
  await proxy.leave();
  await rm(dir, { recursive: true, force: true });
  await daemon.stop();
});
const { client } = service;
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

/** Why what happened to it did. */
async function reasonsOf(id: string): Promise<string[]> {
  const { body } = await client.call<{ items: { reason: string }[] }>('GET', `/v1/sandboxes/${id}/events`);
  return body.items.map(({ reason }) => reason);
}
