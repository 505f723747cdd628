import { wantsComponents } from '../sandbox/phase.ts';
import { hasCondition, phaseOf, type SandboxRecord, withCondition, withStatus } from '../sandbox/record.ts';
import { isNotedAway, noteAway, whyAway } from './away.ts';
import { endOf, removeLeftovers } from './end.ts';
import { noSpace, space } from './etcd-space.ts';
import { runtimeOf, updateOwn, type WorkerContext } from './worker-context.ts';

/**
 * Compares the record of one sandbox with what exists on this host, and queues the work that this asks for: it finds work
 * whose job was lost, what died, what has expired, and what no record puts here. It starts nothing itself, so that a sweep
 * over all sandboxes stays short.
 */
export async function check(context: WorkerContext, id: string): Promise<void> {
  const { store, queues, deletion, health, host } = context;
  const stored = await store.get(id);
  if (!stored || stored.record.sandbox.status.host !== host) return await removeLeftovers(context, id);
  const { record, credentials } = stored;
  const { sandbox } = record;
  const ended = await endOf(context, record);
  if (ended) return await deletion.carryOut(ended);
  const phase = phaseOf(record);
  if (!wantsComponents(phase)) return;
  const away = whyAway(context, record);
  if (away !== null) return await noteAway(context, id, away);
  if (record.notBefore > Date.now()) return;
  if (isOrWasReady(record)) {
    if (await health.isHealthy(runtimeOf(context, record).runtime, record, credentials)) {
      if (phase === 'degraded') await updateOwn(context, id, toBack, { why: isBack });
      return await noteSpace(context, record);
    }
    await updateOwn(context, id, toDegraded);
  }
  await queues.addRestart(host, sandbox);
}

async function noteSpace(context: WorkerContext, record: SandboxRecord): Promise<void> {
  const hasSpace = await context.space.hasSpace(runtimeOf(context, record).runtime, record);
  if (hasSpace === null) return;
  const now = hasSpace ? space : noSpace;
  const isNoted = (latest: SandboxRecord) => hasCondition(latest, 'EtcdReady', now.reason);
  if (isNoted(record)) return;
  const change = (latest: SandboxRecord) =>
    isNoted(latest) ? null : withCondition(latest, { type: 'EtcdReady', ...now }, new Date());
  await updateOwn(context, record.sandbox.id, change, { why: { type: 'updated', ...now } });
}

/** Ready, or so until its runtime went away: then it may run on. */
function isOrWasReady(record: SandboxRecord): boolean {
  return phaseOf(record) === 'ready' || (phaseOf(record) === 'degraded' && isNotedAway(record));
}

const isBack = { reason: 'RuntimeAvailable', message: 'it has run on meanwhile' } as const;

/** Its runtime is back, and it has run on meanwhile. */
function toBack(record: SandboxRecord): SandboxRecord | null {
  if (phaseOf(record) !== 'degraded' || !isNotedAway(record)) return null;
  const ready = withStatus({ ...record, attempts: 0 }, { phase: 'ready' });
  return withCondition(ready, { type: 'ApiServerReady', status: 'true', reason: 'Answering' }, new Date());
}

function toDegraded(record: SandboxRecord): SandboxRecord | null {
  if (!isOrWasReady(record)) return null;
  const degraded = withStatus(record, { phase: 'degraded', restarts: record.sandbox.status.restarts + 1 });
  const condition = { type: 'ApiServerReady', status: 'false', reason: 'NotAnswering' } as const;
  return withCondition(degraded, { ...condition, message: 'being restarted' }, new Date());
}
