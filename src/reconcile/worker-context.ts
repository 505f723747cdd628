import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { SandboxQueues } from '../queue/sandbox-queues.ts';
import type { Runtime } from '../runtime/driver.ts';
import type { Deletion } from '../sandbox/deletion.ts';
import type { SandboxRecord } from '../sandbox/record.ts';
import type { Store } from '../sandbox/store.ts';
import type { DiskRoom } from './disk-room.ts';
import type { EtcdSpace } from './etcd-space.ts';
import type { HealthChecks } from './health.ts';
import type { launch } from './launch.ts';
import type { PortLeases } from './port-leases.ts';
import type { Presence } from './presence.ts';
import type { StartSlots } from './start-slots.ts';
import type { Templates } from './templates.ts';

/** A runtime of this host with what is known about it here. */
export interface HostRuntime {
  readonly runtime: Runtime;
  /** Makes the binary or image of a component be there; throws `component_unavailable`. */
  readonly obtain: (component: string, version: string, signal: AbortSignal) => Promise<string>;
  /** What kube-apiserver listens on, where it runs. */
  readonly listenAddress: string;
  /** The addresses of kube-apiserver's host. Null: the runtime gives it an IPv4 address of its own. */
  readonly ownAddresses: () => readonly string[] | null;
  /** None: it is part of this machine, and always there. */
  readonly presence?: Presence;
}

/** What the work on the sandboxes of one host needs. */
export interface WorkerContext {
  readonly host: string;
  readonly store: Store;
  readonly queues: SandboxQueues;
  readonly deletion: Deletion;
  readonly slots: StartSlots;
  readonly ports: PortLeases;
  readonly health: HealthChecks;
  readonly space: EtcdSpace;
  readonly disk: DiskRoom;
  readonly runtimes: ReadonlyMap<string, HostRuntime>;
  readonly templates: Templates;
  /** Whether a worker serves a host now. */
  readonly isServed: (host: string) => Promise<boolean>;
  /** Brings the components up; tests of what happens in which order bring their own. */
  readonly launch: typeof launch;
  readonly advertiseHost: string;
  readonly probeHost: string;
  readonly logger: Logger;
  /** Aborted when the worker stops: what runs goes on running, and the next worker goes on from there. */
  readonly signal: AbortSignal;
}

/** Throws `runtime_unavailable` when this host does not have the sandbox's runtime now. */
export function runtimeOf(context: WorkerContext, record: SandboxRecord): HostRuntime {
  const found = context.runtimes.get(record.sandbox.status.runtime);
  if (found) return found;
  throw new AppError('runtime_unavailable', missingRuntime(context, record));
}

export function missingRuntime({ host }: WorkerContext, { sandbox }: SandboxRecord): string {
  return `The runtime ${sandbox.status.runtime} does not answer on ${host}.`;
}

/**
 * Changes a record while this host has it and it is wanted. Another host may have taken it over, when this process stood
 * still for so long that it was taken for dead: then nothing is changed. Returns what is stored, or null when there is no
 * record.
 */
export async function updateOwn(
  { store, host }: WorkerContext,
  id: string,
  change: (record: SandboxRecord) => SandboxRecord | null,
  options: Parameters<Store['update']>[2] = {},
): Promise<SandboxRecord | null> {
  return await store.update(id, (now) => (isOwn(now, host) ? change(now) : null), options);
}

/** Whether the sandbox is wanted, and on this host. */
export function isOwn({ desired, sandbox }: SandboxRecord, host: string): boolean {
  return desired === 'running' && sandbox.status.host === host;
}
