import { phaseOf, type SandboxRecord, toDeleting } from '../sandbox/record.ts';
import { runtimeOf, type WorkerContext } from './worker-context.ts';

/**
 * The record of a sandbox that is to be deleted, else null. The end of its time to live is turned into the wish to have it
 * deleted; a longer one given meanwhile counts.
 */
export async function endOf({ store }: WorkerContext, record: SandboxRecord): Promise<SandboxRecord | null> {
  if (record.desired === 'deleted') return record;
  if (record.sandbox.expiresAt === null) return null;
  const atMs = await store.timeMs();
  if (!hasExpired(record, atMs)) return null;
  const end = (latest: SandboxRecord) => (hasExpired(latest, atMs) ? toDeleting(latest) : null);
  const now = await store.update(record.sandbox.id, end, {
    why: { reason: 'Expired', message: 'its time to live has ended' },
  });
  return now?.desired === 'deleted' ? now : null;
}

function hasExpired({ desired, sandbox: { expiresAt } }: SandboxRecord, atMs: number): boolean {
  return desired === 'running' && expiresAt !== null && Date.parse(expiresAt) <= atMs;
}

/** Removes a sandbox of this host. First what runs, then the record: cut off in between, the next try finds the record and goes on. */
export async function remove(context: WorkerContext, record: SandboxRecord): Promise<void> {
  const { store, health, space, logger } = context;
  const { id } = record.sandbox;
  const last = await store.update(id, (now) => (phaseOf(now) === 'deleting' ? null : toDeleting(now)));
  health.forget(id);
  space.forget(id);
  await runtimeOf(context, record).runtime.remove(id);
  if (last) await store.remove(last.sandbox);
  logger.info({ sandboxId: id }, 'sandbox deleted');
}

/** Removes what this host has of a sandbox that no record puts here: it was deleted, or another host has taken it over. */
export async function removeLeftovers({ runtimes, logger, health, space }: WorkerContext, id: string): Promise<void> {
  health.forget(id);
  space.forget(id);
  for (const [name, { runtime, presence }] of runtimes) {
    // What one that is away has of it is found when it is back.
    if (presence?.away()) continue;
    const [found] = await runtime.observe(id);
    if (!found) continue;
    logger.warn({ sandboxId: id, runtime: name }, 'removing what no record puts here');
    await runtime.remove(id);
  }
}
