import { setTimeout as delay } from 'node:timers/promises';
import { wantsComponents } from '../sandbox/phase.ts';
import { phaseOf } from '../sandbox/record.ts';
import { endOf } from './end.ts';
import { lookAtAll } from './presence.ts';
import type { Reconciler } from './reconciler.ts';
import type { WorkerContext } from './worker-context.ts';

const atOnce = 20;
/** From then on one that takes long only waits, mostly for a sandbox that does not answer, and the next is begun beside it. */
const longMs = 200;

/**
 * Compares everything on this host with its records: each sandbox that the host has taken, and each thing that runs here
 * and belongs to none of these.
 */
export async function sweepHost(context: WorkerContext, reconciler: Reconciler): Promise<void> {
  const { store, runtimes, host, signal } = context;
  await lookAtAll(runtimes);
  const taken = new Set<string>();
  for await (const ids of store.idsOfHost(host)) {
    for (const id of ids) taken.add(id);
  }
  await forEach(context, [...taken], reconciler.check);
  if (signal.aborted) return;
  for (const [name, { runtime, presence }] of runtimes) {
    if (presence?.away()) continue;
    // A runtime that does not answer is no reason not to sweep the others.
    const found = await runtime.observe().catch((error: unknown) => {
      context.logger.error({ runtime: name, err: error }, 'runtime not swept');
      return [];
    });
    const ids = found.map(({ sandboxId }) => sandboxId);
    await forEach(
      context,
      ids.filter((id) => !taken.has(id)),
      reconciler.check,
    );
  }
}

/** Keeps the logs of components within their bounds. */
export async function rotateLogs({ runtimes, logger }: WorkerContext): Promise<void> {
  for (const [name, { runtime }] of runtimes) {
    // The next sweep tries again; a full disk is no reason not to go on.
    await runtime
      .rotateLogs()
      .catch((error: unknown) => logger.warn({ runtime: name, err: error }, 'logs not rotated'));
  }
}

/** Ends what has expired or was deleted before any host took it. */
export async function sweepDue(context: WorkerContext): Promise<void> {
  for (const runtime of context.runtimes.keys()) {
    await forEach(context, await context.store.dueUnstarted(runtime), (id) => endUntaken(context, id));
  }
}

async function endUntaken(context: WorkerContext, id: string): Promise<void> {
  const before = (await context.store.get(id))?.record;
  // The sweep of its host finds what has one.
  if (!before || before.sandbox.status.host !== null) return;
  const ended = await endOf(context, before);
  if (ended) await context.deletion.carryOut(ended);
}

/** Queues starts again whose jobs were lost: between the record and the queue, or with a worker that does not come back. */
export async function sweepLostStarts(context: WorkerContext): Promise<void> {
  const { runtimes, store, queues, signal } = context;
  for (const runtime of runtimes.keys()) {
    const lost: string[] = [];
    for await (const ids of store.idsUnstarted(runtime)) {
      if (signal.aborted) return;
      lost.push(...(await queues.withoutStart(runtime, ids)));
    }
    // The index has the newest first, and the oldest has waited longest.
    await forEach(context, lost.reverse(), (id) => addLostStart(context, id));
  }
}

async function addLostStart({ store, queues, isServed }: WorkerContext, id: string): Promise<void> {
  const record = (await store.get(id))?.record;
  if (!record || record.desired === 'deleted' || !wantsComponents(phaseOf(record))) return;
  const { host, runtime } = record.sandbox.status;
  // Those of a host that lives are found by its own sweep.
  if (host === null || !(await isServed(host))) await queues.addStart(runtime, record.sandbox);
}

/** What fails for one sandbox is its own: the others are swept all the same. One that takes long holds up no other either. */
async function forEach(
  { logger }: WorkerContext,
  ids: readonly string[],
  work: (id: string) => Promise<void>,
): Promise<void> {
  // All take from the same.
  const waiting = ids.values();
  const underWay: Promise<void>[] = [];
  const takeOneByOne = async () => {
    for (const id of waiting) {
      const done = work(id).catch((error: unknown) => logger.error({ sandboxId: id, err: error }, 'sandbox not swept'));
      underWay.push(done);
      await Promise.race([done, delay(longMs)]);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, takeOneByOne));
  await Promise.all(underWay);
}
