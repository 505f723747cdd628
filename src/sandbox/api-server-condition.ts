import { hasCondition, phaseOf, type SandboxRecord, withCondition } from './record.ts';

/** What the condition ApiServerReady says, with which reason. */
const type = 'ApiServerReady';

/** Why a sandbox that was ready is not any more. */
export interface DownCause {
  readonly reason: string;
  readonly message: string;
}

/** Of one that is not ready, and may only be slow. */
export const late: DownCause = {
  reason: 'NotAnswering',
  message: 'restarted when it is not ready at the next two checks either',
};
/** Said where no component is known to have ended: all of them hang, or are gone without a trace. */
export const restarting: DownCause = { reason: 'Restarting', message: 'being restarted' };
export const answering = { type, status: 'true', reason: 'Answering' } as const;
export const writeAccepted = { type, status: 'true', reason: 'WriteAccepted' } as const;
const away = 'RuntimeUnavailable';
const hostLost = 'HostLost';

export function outOfMemory(component: string): DownCause {
  // As Kubernetes calls it.
  return { reason: 'OOMKilled', message: `${component} needed more memory than it may have; being restarted` };
}

export function componentExited(component: string, exitCode: number | null): DownCause {
  const code = exitCode === null ? '' : ` with code ${exitCode}`;
  return { reason: 'ComponentExited', message: `${component} exited${code}; being restarted` };
}

/** A copy that says why it is not ready. */
export function withDownCause(record: SandboxRecord, why: DownCause): SandboxRecord {
  return withCondition(record, { type, status: 'false', ...why }, new Date());
}

/** A copy that says that its runtime does not answer, and in which words. */
export function withAway(record: SandboxRecord, message: string): SandboxRecord {
  return withCondition(record, { type, status: unseen(record), reason: away, message }, new Date());
}

export function isAway(record: SandboxRecord, message: string): boolean {
  const { conditions } = record.sandbox.status;
  return conditions.some((one) => one.reason === away && one.message === message);
}

/** Whether no worker serves its host: then nobody knows whether it works. */
export function isHostLost(record: SandboxRecord): boolean {
  return hasCondition(record, type, hostLost);
}

/** A copy that says so, and why. */
export function withLostHost(record: SandboxRecord, message: string): SandboxRecord {
  return withCondition(record, { type, status: unseen(record), reason: hostLost, message }, new Date());
}

/** A copy that is being started: its runtime is there, and its host served. */
export function withoutAway(record: SandboxRecord): SandboxRecord {
  if (!hasCondition(record, type, away) && !isHostLost(record)) return record;
  return withCondition(record, { type, status: 'false', reason: 'Starting' }, new Date());
}

/** Degraded, but not being restarted: it was late when it was looked at last, or nobody could look at it since. */
export function mayRunOn(record: SandboxRecord): boolean {
  return phaseOf(record) === 'degraded' && (isLate(record) || hasStatus(record, 'unknown'));
}

export function isLate(record: SandboxRecord): boolean {
  return hasCondition(record, type, late.reason);
}

/** While nobody can look at it. One that was being restarted already does not work, and its restart is not to be counted again. */
function unseen(record: SandboxRecord): 'unknown' | 'false' {
  return hasStatus(record, 'false') && !isLate(record) ? 'false' : 'unknown';
}

function hasStatus({ sandbox }: SandboxRecord, status: 'false' | 'unknown'): boolean {
  return sandbox.status.conditions.some((one) => one.type === type && one.status === status);
}
