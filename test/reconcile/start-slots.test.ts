import t from 'tap';
import { createStartSlots } from '../../src/reconcile/start-slots.ts';

const never = new AbortController().signal;

t.test('so many run at once, and restarts come before starts', async (t) => {
  const slots = createStartSlots(1);
  const begun: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = slots.run('start', () => gate.promise, never);
  const note = (name: string) => async () => void begun.push(name);
  const others = [slots.run('start', note('start'), never), slots.run('restart', note('restart'), never)];
  t.ok(slots.hasEnoughRestarts());
  gate.resolve();
  await Promise.all([first, ...others]);
  t.same(begun, ['restart', 'start']);
  t.notOk(slots.hasEnoughRestarts());
});

t.test('one that waits is cut short at once, and never begins', async (t) => {
  const slots = createStartSlots(1);
  const gate = Promise.withResolvers<void>();
  const first = slots.run('start', () => gate.promise, never);
  const cut = new AbortController();
  let hasBegun = false;
  const second = slots.run(
    'start',
    async () => {
      hasBegun = true;
    },
    cut.signal,
  );
  cut.abort(new Error('not wanted'));
  await t.rejects(second, /not wanted/);
  gate.resolve();
  await first;
  await slots.run('start', async () => undefined, never);
  t.notOk(hasBegun);
});

t.test('one that has begun is waited for when it is cut short', async (t) => {
  const slots = createStartSlots(1);
  const cut = new AbortController();
  const gate = Promise.withResolvers<void>();
  let hasEnded = false;
  const started = Promise.withResolvers<void>();
  const run = slots.run(
    'start',
    async () => {
      started.resolve();
      await gate.promise;
      return 'ended';
    },
    cut.signal,
  );
  void run.then(() => {
    hasEnded = true;
  });
  await started.promise;
  cut.abort(new Error('not wanted'));
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(hasEnded, 'what it does is not over');
  gate.resolve();
  t.equal(await run, 'ended');
});
