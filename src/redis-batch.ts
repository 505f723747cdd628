import type { ChainableCommander, Redis } from 'ioredis';

/** Adds one command to a pipeline. */
type Queue = (pipeline: ChainableCommander) => void;

/**
 * Sends what is asked for within one turn of the event loop as one pipeline. ioredis has the same as
 * `enableAutoPipelining`, but that holds everything back while one pipeline is under way, also behind a write that waits
 * for the disk.
 */
export function createBatch(redis: Redis) {
  let next: { pipeline: ChainableCommander; settle: ((row: [Error | null, unknown]) => void)[] } | undefined;

  function flush(): void {
    if (!next) return;
    const { pipeline, settle } = next;
    next = undefined;
    pipeline.exec().then(
      (rows) => {
        for (const [i, done] of settle.entries()) done(rows?.[i] ?? [new Error('Connection is closed.'), null]);
      },
      (error: Error) => {
        for (const done of settle) done([error, null]);
      },
    );
  }

  return function send<Reply>(queue: Queue): Promise<Reply> {
    if (!next) {
      next = { pipeline: redis.pipeline(), settle: [] };
      setImmediate(flush);
    }
    const { pipeline, settle } = next;
    queue(pipeline);
    return new Promise((resolve, reject) => {
      settle.push(([error, reply]) => (error ? reject(error) : resolve(reply as Reply)));
    });
  };
}
export type Batch = ReturnType<typeof createBatch>;

/**
 * Asks the store once for what several ask for within one turn of the event loop. Nothing is kept beyond it: what was
 * changed before a request came is seen by it.
 */
export function createLoader(send: Batch, queue: (pipeline: ChainableCommander, id: string) => void) {
  let asked = new Map<string, Promise<unknown>>();
  return function load<Reply>(id: string): Promise<Reply> {
    if (asked.size === 0) setImmediate(() => (asked = new Map()));
    const known = asked.get(id) ?? send((pipeline) => queue(pipeline, id));
    asked.set(id, known);
    return known as Promise<Reply>;
  };
}
