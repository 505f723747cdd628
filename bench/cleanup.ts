/** What has to be undone, in reverse, once: at the end, at an error, and on Ctrl-C. */
export interface Cleanup {
  add(undo: () => Promise<void> | void): void;
  run(): Promise<void>;
}

export function createCleanup(): Cleanup {
  const undos: (() => Promise<void> | void)[] = [];
  let running: Promise<void> | undefined;
  const run = async () => {
    for (const undo of undos.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        process.stderr.write(`cleaning up: ${String(error)}\n`);
      }
    }
  };
  return {
    add: (undo) => void undos.push(undo),
    run: () => {
      running ??= run();
      return running;
    },
  };
}

/** Aborts `stopping` at the first signal; whoever runs the benchmark then cleans up and ends. */
export function abortOnSignal(stopping: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
  }
}
