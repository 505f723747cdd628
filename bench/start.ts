/** A start whose first write was accepted, and which still runs. */
export interface Start {
  /** The time until a user's first write was accepted. */
  readonly ms: number;
  /** The CPU time (user and system) that it took, by process. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** Where the time went, in milliseconds. Empty when it is not known. */
  readonly parts: Readonly<Record<string, number>>;
  readonly pids: Readonly<Record<string, number>>;
  /** Stops and removes it. */
  end(): Promise<void>;
}

/** A way to start, as the tables name it. */
export interface Kind {
  readonly letter: string;
  readonly name: string;
  start(signal: AbortSignal): Promise<Start>;
}
