import t from 'tap';
import { AppError } from '../../src/errors.ts';
import { hostQueue } from '../../src/queue/names.ts';
import { startFakeHost } from '../support/fake-host.ts';
import { aSandbox } from '../support/requests.ts';

t.setTimeout(60_000);
const caller = { project: 'default', subject: 'test' };
const never = new AbortController().signal;

t.test('one whose restart fails again and again is tried with growing pauses, until it runs', async (t) => {
  let isKilled = false;
  const host = await startFakeHost({
    async onStart(_plan, { name }) {
      if (isKilled && name === 'kube-apiserver') throw new AppError('component_exited', 'killed');
      return undefined;
    },
  });
  t.teardown(() => host.close());
  const { id } = await host.service.create(caller, aSandbox);
  await host.service.wait('default', id, 'ready', 20_000, never);
  await host.quiet();
  // From here on only this test works on it, when a pause is over.
  await host.openQueue(hostQueue('fake-host')).pause();

  /** Tries once. Says whether the next try is due after so many milliseconds. */
  async function pausesFor(ms: number): Promise<boolean> {
    const before = Date.now();
    const next = (await host.work(id)) ?? 0;
    return before + ms <= next && next <= Date.now() + ms;
  }
  const endPause = () => host.store.update(id, (now) => ({ ...now, notBefore: 0 }));

  isKilled = true;
  host.break(id);
  await host.sweep();
  for (const seconds of [0.1, 1, 2, 4, 8, 16, 32, 60]) {
    t.ok(await pausesFor(seconds * 1000), `${seconds} s`);
    t.match((await host.service.get('default', id)).status, { phase: 'degraded', restarts: 1 });
    if (seconds < 60) await endPause();
  }
  const due = (await host.store.get(id))?.record.notBefore;
  t.equal(await host.work(id), due, 'a job that comes before that does nothing');
  await endPause();
  isKilled = false;
  t.equal(await host.work(id), null);
  t.match((await host.service.get('default', id)).status, { phase: 'ready', restarts: 1, failure: null });

  isKilled = true;
  host.break(id);
  await host.sweep();
  t.ok(await pausesFor(100), 'after one that ran they begin anew');
});
