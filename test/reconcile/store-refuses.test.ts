import t from 'tap';
import { startFakeHost } from '../support/fake-host.ts';
import { aSandbox } from '../support/requests.ts';

t.setTimeout(60_000);
const caller = { project: 'default', subject: 'test' };
const never = new AbortController().signal;
const refusals = {
  'lacks replicas or room on its disk': ['min-replicas-to-write', '1', '0'],
  'is full': ['maxmemory', '1', '0'],
} as const;

for (const [why, [setting, refusing, taking]] of Object.entries(refusals)) {
  t.test(`a sandbox that runs when Redis ${why} runs on, and is ready once Redis takes writes again`, async (t) => {
    let starts = 0;
    const refused = Promise.withResolvers<void>();
    const host = await startFakeHost({
      async onStart(_plan, { name }) {
        starts += 1;
        if (name === 'kube-apiserver' && starts === 2) {
          await host.redis.config('SET', setting, refusing);
          refused.resolve();
        }
        return undefined;
      },
    });
    t.teardown(() => host.close());
    const { id } = await host.service.create(caller, aSandbox);
    await refused.promise;
    // What this start has under way ends first.
    await t.rejects(host.work(id));
    await host.redis.config('SET', setting, taking);
    await host.work(id);
    const { status } = await host.service.wait('default', id, 'ready', 20_000, never);
    t.match(status, { phase: 'ready', failure: null, restarts: 0 });
    t.equal(starts, 2, 'and nothing was stopped');
  });
}
