import { wantsComponents } from '../sandbox/phase.ts';
import { hasCondition, isHostLost, phaseOf, type SandboxRecord, withCondition, withStatus } from '../sandbox/record.ts';
import { isNotedAway, noteAway, whyAway } from './away.ts';
import { type DownCause, downCause, restarting } from './down-cause.ts';
import { endOf, removeLeftovers } from './end.ts';
import { noSpace, space } from './etcd-space.ts';
import { stopPair } from './failure.ts';
import { runtimeOf, updateOwn, type WorkerContext } from './worker-context.ts';

/** What the condition ApiServerReady says of one that is not ready. */
const late: DownCause = {
  reason: 'NotAnswering',
  message: 'restarted when it is not ready at the next two checks either',
};
const answersAgain = { reason: 'Recovered', message: 'without a restart' } as const;

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
  if (phase === 'ready' || mayRunOn(record)) {
    const { runtime } = runtimeOf(context, record);
    const look = await health.look(runtime, record, credentials);
    if (look === 'ready' && phase === 'ready') return await noteSpace(context, record);
    if (look === 'ready') return void (await updateOwn(context, id, toAnswering, { why: answersAgain }));
    if (look === 'late') return void (await updateOwn(context, id, toLate));
    const cause = look === 'hung' ? restarting : await downCause(runtime, id);
    // What hangs does not end by itself: it would hold its port.
    if (look === 'hung') await stopPair(context, record, 0);
    await updateOwn(context, id, (now) => toRestarting(now, cause), { why: { type: 'degraded', ...cause } });
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

/** Degraded, but not being restarted: it was late when it was looked at last, or its runtime was away, or its host lost. */
function mayRunOn(record: SandboxRecord): boolean {
  return phaseOf(record) === 'degraded' && (isLate(record) || isNotedAway(record) || isHostLost(record));
}

function isLate(record: SandboxRecord): boolean {
  return hasCondition(record, 'ApiServerReady', late.reason);
}

function toLate(record: SandboxRecord): SandboxRecord | null {
  return phaseOf(record) === 'ready' || (mayRunOn(record) && !isLate(record)) ? degraded(record, late) : null;
}

function toAnswering(record: SandboxRecord): SandboxRecord | null {
  if (!mayRunOn(record)) return null;
  const condition = { type: 'ApiServerReady', status: 'true', reason: 'Answering' } as const;
  return withCondition(withStatus({ ...record, attempts: 0 }, { phase: 'ready' }), condition, new Date());
}

function toRestarting(record: SandboxRecord, cause: DownCause): SandboxRecord | null {
  if (phaseOf(record) !== 'ready' && !mayRunOn(record)) return null;
  return degraded(withStatus(record, { restarts: record.sandbox.status.restarts + 1 }), cause);
}

function degraded(record: SandboxRecord, why: DownCause): SandboxRecord {
  const condition = { type: 'ApiServerReady', status: 'false', ...why } as const;
  return withCondition(withStatus(record, { phase: 'degraded' }), condition, new Date());
}
