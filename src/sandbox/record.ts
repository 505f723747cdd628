import { randomId } from '../resources/random-id.ts';
import type { Condition, Failure, Phase, Sandbox } from '../schemas/sandbox.ts';
import { canFollow } from './phase.ts';

/** The truth about a sandbox, as stored: the public resource and what only the workers need. */
export interface SandboxRecord {
  readonly sandbox: Sandbox;
  /** What the user wants. Workers bring the actual state to it. */
  readonly desired: 'running' | 'deleted';
  /** The leased port on the host, or null. */
  readonly port: number | null;
  /** Start attempts since it was last ready. */
  readonly attempts: number;
  /** Epoch milliseconds; no attempt before. */
  readonly notBefore: number;
  /** It has been ready once: its data is worth keeping through a failed restart. */
  readonly wasReady: boolean;
}

/** `sb-` and 20 random characters. */
export function newSandboxId(seed = randomId(20)): string {
  return `sb-${seed}`;
}

type StatusChange = Partial<Omit<Sandbox['status'], 'phase' | 'conditions'>> & { phase?: Phase };

/** A copy with another status. Throws when the phase may not follow: that is a fault in this code. */
export function withStatus(record: SandboxRecord, change: StatusChange): SandboxRecord {
  const from = record.sandbox.status.phase;
  if (change.phase && !canFollow(from, change.phase)) throw new Error(`phase ${change.phase} cannot follow ${from}`);
  return { ...record, sandbox: { ...record.sandbox, status: { ...record.sandbox.status, ...change } } };
}

type ConditionChange = Pick<Condition, 'type' | 'status' | 'reason'> & { message?: string };

/** A copy with one condition set; the transition time moves only when its status changes. */
export function withCondition(record: SandboxRecord, change: ConditionChange, now: Date): SandboxRecord {
  const { conditions } = record.sandbox.status;
  const before = conditions.find((condition) => condition.type === change.type);
  const lastTransitionTime = before?.status === change.status ? before.lastTransitionTime : now.toISOString();
  const next: Condition = { message: '', ...change, lastTransitionTime };
  const others = conditions.filter((condition) => condition.type !== change.type);
  const status = { ...record.sandbox.status, conditions: [...others, next] };
  return { ...record, sandbox: { ...record.sandbox, status } };
}

export function withFailure(record: SandboxRecord, failure: Failure): SandboxRecord {
  return withStatus(record, { phase: 'failed', failure, endpoint: null });
}

/** A copy that is to be deleted, and says so. */
export function toDeleting(record: SandboxRecord): SandboxRecord {
  const unwanted: SandboxRecord = { ...record, desired: 'deleted' };
  return withStatus(unwanted, { phase: 'deleting', endpoint: null });
}

/** Whether components may exist; null while that is as it was before. Failed sandboxes have none. */
export function isAwake(record: SandboxRecord): boolean | null {
  const phase = phaseOf(record);
  return phase === 'deleting' ? null : phase !== 'failed' && phase !== 'deleted';
}

/** The host that runs it. Throws when none has taken it yet: so far each has one from its creation on. */
export function hostOf({ id, status }: Sandbox): string {
  if (status.host === null) throw new Error(`no host has taken ${id}`);
  return status.host;
}

export function phaseOf(record: SandboxRecord): Phase {
  return record.sandbox.status.phase;
}
