import {
  answering,
  type DownCause,
  isLate,
  late,
  mayRunOn,
  restarting,
  withDownCause,
} from '../sandbox/api-server-condition.ts';
import { wantsComponents } from '../sandbox/phase.ts';
import { hasCondition, phaseOf, type SandboxRecord, withCondition, withStatus } from '../sandbox/record.ts';
import { noteAway, whyAway } from './away.ts';
import { available } from './components-ready.ts';
import { downCause } from './down-cause.ts';
import { endOf, removeLeftovers } from './end.ts';
import { noSpace, space } from './etcd-space.ts';
import { stopPair } from './failure.ts';
import { isOwn, runtimeOf, updateOwn, type WorkerContext } from './worker-context.ts';

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
  if (away !== null) return await noteAway(context, record, away);
  if (record.notBefore > Date.now()) return;
  if (phase === 'ready' || mayRunOn(record)) {
    const { runtime } = runtimeOf(context, record);
    const look = await health.look(runtime, record, credentials);
    if (look === 'ready' && phase === 'ready') return await noteSpace(context, record);
    if (look === 'ready') return void (await updateOwn(context, id, toAnswering, { why: answersAgain }));
    if (look === 'late') return void (await updateOwn(context, id, toLate));
    const cause = look === 'hung' ? restarting : await downCause(runtime, id);
    // What hangs does not end by itself: it would hold its port.
    if (look === 'hung' && !(await stopOwn(context, record))) return;
    await updateOwn(context, id, (now) => toRestarting(now, cause), { why: { type: 'degraded', ...cause } });
  }
  await queues.addRestart(host, sandbox);
}

/** Stops it unless another host, or another worker of this one, has it by now: the look took seconds. Returns whether it did. */
async function stopOwn(context: WorkerContext, { sandbox }: SandboxRecord): Promise<boolean> {
  const now = (await context.store.get(sandbox.id))?.record;
  if (!now || !isOwn(now, context.host) || context.signal.aborted) return false;
  await stopPair(context, now, 0);
  return true;
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

function toLate(record: SandboxRecord): SandboxRecord | null {
  return phaseOf(record) === 'ready' || (mayRunOn(record) && !isLate(record)) ? degraded(record, late) : null;
}

function toAnswering(record: SandboxRecord): SandboxRecord | null {
  if (!mayRunOn(record)) return null;
  const ready = withStatus({ ...record, attempts: 0 }, { phase: 'ready' });
  return withCondition(withCondition(ready, available, new Date()), answering, new Date());
}

function toRestarting(record: SandboxRecord, cause: DownCause): SandboxRecord | null {
  if (phaseOf(record) !== 'ready' && !mayRunOn(record)) return null;
  return degraded(withStatus(record, { restarts: record.sandbox.status.restarts + 1 }), cause);
}

function degraded(record: SandboxRecord, why: DownCause): SandboxRecord {
  return withStatus(withDownCause(record, why), { phase: 'degraded' });
}
