/** One start that has come to its first accepted write and still runs. */
export interface Start {
  /** From nothing to the acceptance of a user's first write. */
  readonly ms: number;
  /** User and system seconds that it took, by process, of all that had a part in it. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** Where the time went, in milliseconds. Empty where nobody tells. */
  readonly parts: Readonly<Record<string, number>>;
  readonly pids: Readonly<Record<string, number>>;
  /** Ends and removes it. */
  end(): Promise<void>;
}

/** A way to start, named in the tables. */
export interface Kind {
  readonly letter: string;
  readonly name: string;
  start(signal: AbortSignal): Promise<Start>;
}
