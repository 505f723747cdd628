import t from 'tap';
import { startHosts } from '../support/hosts.ts';
import { until } from '../support/until.ts';

/** A host whose disk is full, beside one that has room. */
t.setTimeout(120_000);
const hosts = await startHosts();
t.teardown(() => hosts.close());
const { client } = hosts;
const create = async () => (await client.call('POST', '/v1/sandboxes', {})).body.id;
const reasonsOf = async (id: string) => {
  const { body } = await client.call<{ items: { reason: string }[] }>('GET', `/v1/sandboxes/${id}/events`);
  return body.items.map(({ reason }) => reason);
};

t.test('a host without room leaves what waits to one that has room, and says why it waits when none has', async (t) => {
  let first = await hosts.startWorker('first', 300);
  await hosts.startWorker('full', 300, { SANDPLANE_DISK_RESERVE_MIB: '1000000000' });
  const ids = await Promise.all(Array.from({ length: 12 }, create));
  for (const id of ids) {
    t.match((await client.waitFor(id, 'ready')).body.status, { phase: 'ready', host: 'first' });
    t.notOk((await reasonsOf(id)).includes('NoDiskSpace'), 'none was taken where it could not start');
  }
  for (const _round of [1, 2]) {
    first.kill('SIGKILL');
    // Accepted while the other is not known to be dead.
    const waiting = await create();
    await until(async () => (await reasonsOf(waiting)).includes('NoDiskSpace'));
    first = await hosts.startWorker('first', 300);
    t.match((await client.waitFor(waiting, 'ready')).body.status, { phase: 'ready', host: 'first' });
  }
});
