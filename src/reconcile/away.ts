import { isAway, withAway } from '../sandbox/api-server-condition.ts';
import { phaseOf, type SandboxRecord, withStatus } from '../sandbox/record.ts';
import { missingRuntime, type WorkerContext } from './worker-context.ts';

/** Asks the runtime of a sandbox. Returns why it does not answer; null: it does. */
export async function lookAtRuntime(context: WorkerContext, record: SandboxRecord): Promise<string | null> {
  await context.runtimes.get(record.sandbox.status.runtime)?.presence?.look();
  return whyAway(context, record);
}

/** Why the runtime of a sandbox did not answer when it was asked last; null: it did. */
export function whyAway(context: WorkerContext, record: SandboxRecord): string | null {
  const found = context.runtimes.get(record.sandbox.status.runtime);
  return found ? (found.presence?.away() ?? null) : missingRuntime(context, record);
}

/** Says in the status that the sandbox waits for its runtime. Nothing is done to it: its components may well run. */
export async function noteAway({ store, host }: WorkerContext, before: SandboxRecord, message: string): Promise<void> {
  const why =
    phaseOf(before) === 'ready' ? undefined : ({ type: 'retrying', reason: 'runtime_unavailable', message } as const);
  const change = (now: SandboxRecord) => (isOthers(now, host) ? null : toAway(now, message));
  await store.update(before.sandbox.id, change, why ? { why } : {});
}

function isOthers({ sandbox }: SandboxRecord, host: string): boolean {
  return sandbox.status.host !== null && sandbox.status.host !== host;
}

function toAway(record: SandboxRecord, message: string): SandboxRecord | null {
  const phase = phaseOf(record);
  if (phase === 'failed' || phase === 'deleted' || isAway(record, message)) return null;
  const told = withAway(record, message);
  return phase === 'ready' ? withStatus(told, { phase: 'degraded' }) : told;
}
