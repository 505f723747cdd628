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
  /** No start attempt before this time, in epoch milliseconds. */
  readonly notBefore: number;
  /** It has been ready before: then a failed restart keeps its data. */
  readonly wasReady: boolean;
}

/** `sb-` and 20 random characters. */
export function newSandboxId(seed = randomId(20)): string {
  return `sb-${seed}`;
}

type StatusChange = Partial<Omit<Sandbox['status'], 'phase' | 'conditions'>> & { phase?: Phase };

/** A copy with another status. Throws when the phase cannot follow the present one: that is a fault in this code. */
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

/** Whether the condition of this type has this reason. */
export function hasCondition({ sandbox }: SandboxRecord, type: Condition['type'], reason: string): boolean {
  return sandbox.status.conditions.some((condition) => condition.type === type && condition.reason === reason);
}

export function withFailure(record: SandboxRecord, failure: Failure): SandboxRecord {
  return withStatus(record, { phase: 'failed', failure, endpoint: null });
}

/** A copy that is to be deleted, in the phase `deleting`. */
export function toDeleting(record: SandboxRecord): SandboxRecord {
  const unwanted: SandboxRecord = { ...record, desired: 'deleted' };
  return withStatus(unwanted, { phase: 'deleting', endpoint: null });
}

/** Whether its components may exist; null when the phase does not change that. Failed sandboxes have none. */
export function isAwake(record: SandboxRecord): boolean | null {
  const phase = phaseOf(record);
  return phase === 'deleting' ? null : phase !== 'failed' && phase !== 'deleted';
}

/** Whether it has yet to become ready for the first time, or is on no host: then it is in the index of unstarted sandboxes. */
export function isUnstarted(record: SandboxRecord): boolean {
  const { phase, host } = record.sandbox.status;
  return phase === 'pending' || phase === 'provisioning' || host === null;
}

/** Later than any sandbox can expire, in epoch milliseconds. */
const never = 1e15;

/**
 * When it needs a check even while it waits for its start, in epoch milliseconds. Sandboxes that need none are sorted by
 * their creation, so that Redis adds each at the end of the sorted set, where that costs least.
 */
export function nextCheckAt({ desired, sandbox: { createdAt, expiresAt } }: SandboxRecord): number {
  // Now, but each with a score of its own: many members with the same score are slow to page through.
  if (desired === 'deleted') return Math.min(Date.parse(createdAt), Date.now());
  return expiresAt === null ? never + Date.parse(createdAt) : Date.parse(expiresAt);
}

export function phaseOf(record: SandboxRecord): Phase {
  return record.sandbox.status.phase;
}
