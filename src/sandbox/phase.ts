import type { Phase } from '../schemas/sandbox.ts';

/** Which phase may follow which. Anything may be deleted, at any time; nothing leaves `deleted`. */
const transitions: Readonly<Record<Phase, readonly Phase[]>> = {
  pending: ['provisioning', 'failed', 'deleting'],
  provisioning: ['ready', 'failed', 'deleting'],
  ready: ['degraded', 'deleting'],
  degraded: ['ready', 'failed', 'deleting'],
  failed: ['deleting'],
  deleting: ['deleted'],
  deleted: [],
};

export function canFollow(from: Phase, to: Phase): boolean {
  return from === to || transitions[from].includes(to);
}

/** Whether `goal` can still come after `from`, over any number of transitions. */
export function canReach(from: Phase, goal: Phase): boolean {
  const seen = new Set<Phase>([from]);
  for (const phase of seen) for (const next of transitions[phase]) seen.add(next);
  return seen.has(goal);
}

/** Phases in which the components should be up or coming up. */
export function wantsComponents(phase: Phase): boolean {
  return ['pending', 'provisioning', 'ready', 'degraded'].includes(phase);
}
