/** What a component needs to run, as data: a runtime only executes it. */
export interface ComponentSpec {
  /** The name of the component and of its binary: `etcd`, `kube-apiserver`. */
  readonly name: string;
  /** Without a leading `v`. */
  readonly version: string;
  /** Arguments; paths in them lie below `<runtime.root>/<sandboxId>`, which is also the working directory. */
  readonly args: readonly string[];
  /** Environment, complete: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** The one TCP port it listens on, or null: then it gets no network where the runtime can do that. */
  readonly port: number | null;
  /** When `start` may resolve: at once, or when a Unix socket of this name accepts, which also this log text tells. */
  readonly accepts: { readonly unixSocket: string; readonly logText: string } | null;
  readonly limits: { readonly memoryBytes: number; readonly pids: number; readonly cpus: number };
  /** From SIGTERM to SIGKILL. */
  readonly stopGraceMs: number;
  /** Changes when anything above does. */
  readonly specHash: string;
}

export interface PlanFile {
  /** Relative to the sandbox's folder. */
  readonly path: string;
  readonly content: string;
  /** Secrets are 0o600, all else 0o644. The owner is the sandbox's user. */
  readonly mode: number;
}

export interface SandboxPlan {
  readonly sandboxId: string;
  readonly project: string;
  /** In the order of their start; they stop in reverse. */
  readonly components: readonly ComponentSpec[];
  readonly files: readonly PlanFile[];
  /** A folder on this host with a stopped etcd data set to start from, copied to `etcdDataDir`, or null. */
  readonly templateDir: string | null;
  /** Relative to the sandbox's folder. */
  readonly etcdDataDir: string;
  /** A number unique among the sandboxes of the host: which unprivileged user it gets. */
  readonly slot: number;
}

export interface ObservedComponent {
  readonly name: string;
  readonly state: 'running' | 'exited';
  readonly specHash: string;
  /** Of the running or last process. Null where the runtime does not know it any more. */
  readonly exitCode: number | null;
  readonly pid: number | null;
}

export interface ObservedSandbox {
  readonly sandboxId: string;
  readonly components: readonly ObservedComponent[];
}

export interface LogOptions {
  /** The last so many lines first. */
  readonly tail: number;
  /** Go on with what is written from now on, until `signal`. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/**
 * Runs the components of sandboxes on one host. Every method is idempotent and may be called again after a crash at
 * any point; what exists is found by the id, never from memory. All ids are checked by the caller's schema.
 */
export interface Runtime {
  readonly name: string;
  /** The folder that holds one folder per sandbox, named by its id, as the components see it. */
  readonly root: string;
  /** Makes the folder (or volume) with files and etcd data. Existing etcd data is kept; files are written anew. */
  prepare(plan: SandboxPlan, signal: AbortSignal): Promise<void>;
  /**
   * Starts a component unless it runs already with the same spec hash; one with another hash is stopped first.
   * Throws `component_exited` (with log tail), `component_timeout`, `port_taken`, `runtime_unavailable`.
   */
  start(plan: SandboxPlan, component: ComponentSpec, signal: AbortSignal): Promise<void>;
  /** What exists of one sandbox, or of all on this host: also what no record knows. */
  observe(sandboxId?: string): Promise<ObservedSandbox[]>;
  /** SIGTERM, then SIGKILL after the grace. Resolves when the component no longer runs. */
  stop(sandboxId: string, component: string, graceMs: number): Promise<void>;
  /** Removes everything of the sandbox: processes or containers, data, logs. */
  remove(sandboxId: string): Promise<void>;
  /**
   * Lines as bytes, in chunks of at most 64 KiB. Rejects with `logs_unavailable` before any is read; what is followed ends
   * with the sandbox.
   */
  logs(sandboxId: string, component: string, options: LogOptions): Promise<AsyncIterable<Buffer>>;
}

/** The prefix of every sandbox id and so of every object's name on a host. */
export const sandboxIdPattern = /^sb-[0-9a-z]{20}$/;

/** How much of its log a failure tells: a program that refuses a flag may print its usage after the reason. */
export const logTailLines = 50;
