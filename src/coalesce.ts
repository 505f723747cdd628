/** What is asked for together: a value that is the same for as long as an answer can be shared. Undefined: none can be. */
export type Batch = () => object | undefined;

let turn: object | undefined;

/** Within one turn of the event loop: an answer may be that much older than its question. */
const thisTurn: Batch = () => {
  if (turn) return turn;
  turn = {};
  setImmediate(() => {
    turn = undefined;
  });
  return turn;
};

/** Asks once for what several ask for in one batch. Nothing is kept beyond it. */
export function coalesce<Reply>(
  ask: (id: string) => Promise<Reply>,
  batchOf: Batch = thisTurn,
): (id: string) => Promise<Reply> {
  const asked = new Map<string, Promise<Reply>>();
  let batch: object | undefined;
  return (id) => {
    const now = batchOf();
    if (now === undefined || now !== batch) asked.clear();
    const known = asked.get(id);
    if (known) return known;
    const asking = ask(id);
    // Asking may have begun a batch. One that was there and is no more was filled by it.
    const after = batchOf();
    batch = now === undefined || now === after ? after : undefined;
    asked.set(id, asking);
    return asking;
  };
}
