import t from 'tap';
import type { Store } from '../../src/sandbox/store.ts';
import { createWatch } from '../../src/watch/watch.ts';
import { startFakeHost } from '../support/fake-host.ts';
import { aSandbox } from '../support/requests.ts';

t.test('a store that does not answer while the beginning is told delays a watch, and does not end it', async (t) => {
  const host = await startFakeHost();
  t.teardown(() => host.close());
  const { redis, keys, changes } = host;
  const caller = { project: 'default', subject: 'test' };
  const { id } = await host.service.create(caller, aSandbox);
  await host.quiet();
  const store: Store = {
    ...host.store,
    read: failsFirst(host.store.read),
    page: failsFirst(host.store.page),
    readMany: failsFirst(host.store.readMany),
  };
  const watchSandboxes = createWatch({ redis, keys, changes, store, maxWatchers: { project: 10, all: 10 } });
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const { type, line } of await watchSandboxes('default', {}, stop.signal)) {
    seen.push(type);
    if (type === 'added') t.equal((JSON.parse(line) as { sandbox: { id: string } }).sandbox.id, id);
    if (type === 'bookmark') await host.service.remove(caller, id);
    if (type === 'deleted') stop.abort();
  }
  t.same([seen.at(0), seen.at(1), seen.at(-1)], ['added', 'bookmark', 'deleted']);
});

/** As a command that took too long. */
function failsFirst<Given extends unknown[], Reply>(ask: (...given: Given) => Promise<Reply>) {
  let failed = false;
  return async (...given: Given): Promise<Reply> => {
    if (failed) return await ask(...given);
    failed = true;
    throw new Error('Command timed out');
  };
}
