import t from 'tap';
import { sweepHost } from '../../src/reconcile/sweep.ts';
import type { WorkerContext } from '../../src/reconcile/worker-context.ts';

t.test('sandboxes that do not answer, or whose check fails, hold up the check of no other', async (t) => {
  const ids = Array.from({ length: 100 }, (_, i) => `sb-${String(i).padStart(20, '0')}`);
  // More than are looked at at a time.
  const [silent, [faulty, ...others]] = [ids.slice(0, 50), ids.slice(50)];
  const idsOfHost = async function* () {
    yield ids;
  };
  const logger = { error: () => undefined };
  const { signal } = new AbortController();
  const context = { store: { idsOfHost }, runtimes: new Map(), host: 'here', logger, signal };
  const checked = new Set<string>();
  const allOthers = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const check = async (id: string) => {
    if (silent.includes(id)) return await answer.promise;
    if (id === faulty) throw new Error('faulty');
    checked.add(id);
    if (checked.size === others.length) allOthers.resolve();
  };
  const sweep = sweepHost(context as unknown as WorkerContext, { check } as never);
  await allOthers.promise;
  answer.resolve();
  await sweep;
  t.same([...checked], others);
});
