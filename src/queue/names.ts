/** A job only says which sandbox to work on. The record says what to do. */
export interface SandboxJob {
  readonly sandboxId: string;
}

/** Sandboxes that no host has taken yet, shared by all hosts that offer the runtime. */
export function startQueue(runtime: string): string {
  return `start-${runtime}`;
}

/** Work on sandboxes that are on one host: deletions, and starts of what died. */
export function hostQueue(host: string): string {
  return `host-${host}`;
}

export type JobKind = 'start' | 'restart' | 'delete';

/** The same sandbox waits once for each kind of work, however often it is added. */
export function jobIdOf(kind: JobKind, sandboxId: string): string {
  return `${kind}-${sandboxId}`;
}
