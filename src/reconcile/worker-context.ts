import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Runtime } from '../runtime/driver.ts';
import type { SandboxRecord } from '../sandbox/record.ts';
import type { Store } from '../sandbox/store.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { HealthChecks } from './health.ts';
import type { launch } from './launch.ts';
import type { PortLeases } from './port-leases.ts';
import type { Templates } from './templates.ts';

/** A runtime of this host with what is known about it here. */
export interface HostRuntime {
  readonly runtime: Runtime;
  /** Makes the binary or image of a component be there; throws `component_unavailable`. */
  readonly obtain: (component: string, version: string, signal: AbortSignal) => Promise<string>;
  /** What kube-apiserver listens on, where it runs. */
  readonly listenAddress: string;
}

/** What the work on the sandboxes of one host needs. */
export interface WorkerContext {
  readonly host: string;
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  readonly ports: PortLeases;
  readonly health: HealthChecks;
  readonly runtimes: ReadonlyMap<string, HostRuntime>;
  readonly templates: Templates;
  /** Brings the components up; tests of what happens in which order bring their own. */
  readonly launch: typeof launch;
  readonly wake: (sandboxId: string) => Promise<void>;
  readonly portRange: { readonly first: number };
  readonly advertiseHost: string;
  readonly probeHost: string;
  readonly logger: Logger;
  /** Aborted when the worker stops: what runs goes on running, and the next worker goes on from there. */
  readonly signal: AbortSignal;
}

/** Throws `runtime_unavailable` when this host does not have the sandbox's runtime now. */
export function runtimeOf({ runtimes, host }: WorkerContext, record: SandboxRecord): HostRuntime {
  const { runtime } = record.sandbox.status;
  const found = runtimes.get(runtime);
  if (found) return found;
  throw new AppError('runtime_unavailable', `The runtime ${runtime} does not answer on ${host}.`);
}
