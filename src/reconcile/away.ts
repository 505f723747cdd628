import { hasCondition, phaseOf, type SandboxRecord, withCondition, withStatus } from '../sandbox/record.ts';
import type { WorkerContext } from './worker-context.ts';

/** What the condition ApiServerReady says of a sandbox whose runtime does not answer: it may well run. */
const reason = 'RuntimeUnavailable';

/** Asks the runtime of a sandbox. Returns why it does not answer; null: it does. */
export async function lookAtRuntime(context: WorkerContext, record: SandboxRecord): Promise<string | null> {
  await context.runtimes.get(record.sandbox.status.runtime)?.presence?.look();
  return whyAway(context, record);
}

/** Why the runtime of a sandbox did not answer when it was asked last; null: it did. */
export function whyAway({ runtimes, host }: WorkerContext, record: SandboxRecord): string | null {
  const { runtime } = record.sandbox.status;
  const found = runtimes.get(runtime);
  return found ? (found.presence?.away() ?? null) : `The runtime ${runtime} does not answer on ${host}.`;
}

/** Says in the status that the sandbox waits for its runtime. Nothing is done to it: its components may well run. */
export async function noteAway({ store, host }: WorkerContext, id: string, message: string): Promise<void> {
  const before = (await store.get(id))?.record;
  if (!before) return;
  const why =
    phaseOf(before) === 'ready'
      ? { reason, message }
      : ({ type: 'retrying', reason: 'runtime_unavailable', message } as const);
  await store.update(id, (now) => (isOthers(now, host) ? null : toAway(now, message)), { why });
}

function isOthers({ sandbox }: SandboxRecord, host: string): boolean {
  return sandbox.status.host !== null && sandbox.status.host !== host;
}

function toAway(record: SandboxRecord, message: string): SandboxRecord | null {
  const phase = phaseOf(record);
  if (phase === 'failed' || phase === 'deleted') return null;
  if (record.sandbox.status.conditions.some((one) => one.reason === reason && one.message === message)) return null;
  const told = withCondition(record, { type: 'ApiServerReady', status: 'unknown', reason, message }, new Date());
  return phase === 'ready' ? withStatus(told, { phase: 'degraded' }) : told;
}

/** Whether its status says that it waits for its runtime. */
export function isNotedAway(record: SandboxRecord): boolean {
  return hasCondition(record, 'ApiServerReady', reason);
}

/** A copy whose status no longer says that it waits for its runtime: it is being started. */
export function withoutAway(record: SandboxRecord): SandboxRecord {
  if (!isNotedAway(record)) return record;
  return withCondition(record, { type: 'ApiServerReady', status: 'false', reason: 'Starting' }, new Date());
}
