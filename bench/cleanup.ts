/** What a benchmark has to undo when it ends. */
export interface Cleanup {
  add(undo: () => Promise<void> | void): void;
  /**
   * Undoes what was added so far, the last first. What fails is printed and does not keep the others from being undone.
   */
  run(): Promise<void>;
}

export function createCleanup(): Cleanup {
  const undos: (() => Promise<void> | void)[] = [];
  let running = Promise.resolve();
  const undoAll = async () => {
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
      running = running.then(undoAll);
      return running;
    },
  };
}
