/** One program of a sandbox and all that it needs to run, as data: a runtime only executes it. */
export interface ComponentSpec {
  /** The name of the component and of its binary: `etcd`, `kube-apiserver`. */
  readonly name: string;
  /** Without a leading `v`. */
  readonly version: string;
  /** Paths in the arguments lie below `<runtime.root>/<sandboxId>`, which is also the working directory. */
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited from the service. */
  readonly env: Readonly<Record<string, string>>;
  /** The one TCP port it listens on. Null: none, and then Docker gives it no network. */
  readonly port: number | null;
  /**
   * The Unix socket, in the sandbox's folder, at which `start` waits until the component accepts connections. Null: `start`
   * does not wait.
   */
  readonly accepts: { readonly unixSocket: string } | null;
  /** Applied by the Docker runtime. The process runtime does not limit yet, and the fake never does. */
  readonly limits: { readonly memoryBytes: number; readonly pids: number; readonly cpus: number };
  /** The time from SIGTERM to SIGKILL. */
  readonly stopGraceMs: number;
  /** Changes when anything above changes. */
  readonly specHash: string;
}

export interface PlanFile {
  /** Relative to the sandbox's folder. */
  readonly path: string;
  readonly content: string;
  /** 0o600 for secrets, 0o644 for everything else. The sandbox's user owns the file. */
  readonly mode: number;
}

/** The Service `default/kubernetes` of a sandbox. */
export interface KubernetesService {
  readonly clusterIP: string;
  /** 0: none. */
  readonly nodePort: number;
  /** The IP address behind it. `assigned`: the one that the runtime gives kube-apiserver; null: there is none. */
  readonly endpoint: string | 'assigned' | null;
}

export interface SandboxPlan {
  readonly sandboxId: string;
  readonly project: string;
  /** The name and the labels of the sandbox, for what shows them to people. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** In the order in which they start; they stop in the reverse order. */
  readonly components: readonly ComponentSpec[];
  readonly files: readonly PlanFile[];
  /** A folder on this host with a template, which is copied to `etcdDataDir`. Null: etcd starts empty. */
  readonly templateDir: string | null;
  /** Relative to the sandbox's folder. */
  readonly etcdDataDir: string;
  /** It was ready before, so that there is etcd data, or it was lost. */
  readonly mustHaveData: boolean;
  readonly kubernetesService: KubernetesService;
}

export interface ObservedComponent {
  readonly name: string;
  /** `unreachable`: it runs, but is cut off the network that it needs. `start` makes it anew. */
  readonly state: 'running' | 'exited' | 'unreachable';
  readonly specHash: string;
  /** Of the last process. Null while it runs, and where the runtime does not know the code. */
  readonly exitCode: number | null;
  /** It was killed as it needed more memory than it may have. Only of one sandbox, and where the runtime tells. */
  readonly isOutOfMemory?: boolean;
  readonly pid: number | null;
  /** The IP address that the runtime has given it; null: it has those of the host, or none. */
  readonly address: string | null;
}

export interface ObservedSandbox {
  readonly sandboxId: string;
  readonly components: readonly ObservedComponent[];
}

export interface LogOptions {
  /** With how many of the last lines to begin. */
  readonly tail: number;
  /** Whether to go on with what is written from now on, until `signal`. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/**
 * Runs the components of sandboxes on one host. Every method is idempotent and may be called again after a crash at any
 * point; what exists is found by the sandbox id, never from memory.
 */
export interface Runtime {
  readonly name: string;
  /** The folder that holds one folder per sandbox, named by its id, as the components see it. */
  readonly root: string;
  /**
   * Makes the folder or volume with files and etcd data. Existing etcd data is kept, files are written anew. Throws
   * `data_lost` when there must be data and is none.
   */
  prepare(plan: SandboxPlan, signal: AbortSignal): Promise<void>;
  /**
   * Starts a component unless it runs already with the same spec hash; one with another hash, or that cannot be reached, is
   * stopped first. Throws `component_exited` (with log tail), `component_timeout`, `port_taken`, `runtime_unavailable`.
   */
  start(plan: SandboxPlan, component: ComponentSpec, signal: AbortSignal): Promise<void>;
  /** What exists of one sandbox, or of all on this host, whether a record knows it or not. */
  observe(sandboxId?: string): Promise<ObservedSandbox[]>;
  /** SIGTERM, then SIGKILL after the grace. Resolves when the component no longer runs. */
  stop(sandboxId: string, component: string, graceMs: number): Promise<void>;
  /** Removes everything of the sandbox: processes or containers, data, logs. */
  remove(sandboxId: string): Promise<void>;
  /**
   * The log in chunks of at most 64 KiB. Rejects with `logs_unavailable` when there is none yet. A log that is followed
   * ends with the sandbox.
   */
  logs(sandboxId: string, component: string, options: LogOptions): Promise<AsyncIterable<Buffer>>;
  /** Where the Unix socket of the sandbox's etcd is, if this host can reach it. Null: there is no sandbox. */
  etcdSocket(sandboxId: string): Promise<string | null>;
  /** Keeps the logs of all sandboxes small. To be called now and then; Docker does it by itself. */
  rotateLogs(): Promise<void>;
}

/** The file name of the Unix socket of etcd, in the sandbox's folder. */
export const etcdSocketName = 'localhost:1';

/**
 * Where the write-ahead log of etcd is in its data folder. etcd takes a folder without one for that of a new, empty member
 * (etcd.io/docs/v3.6/learning/persistent-storage-files). Its files end in `.wal`.
 */
export const etcdLogDir = 'member/wal';

/** Every sandbox id. It is part of folder, container and volume names, so a runtime refuses anything else. */
export const sandboxIdPattern = /^sb-[0-9a-z]{20}$/;

/** How many lines of log a failure tells: a program that refuses a flag may print its whole usage after the reason. */
export const logTailLines = 50;
