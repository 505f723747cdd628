/**
 * Asks once for what several ask for within one turn of the event loop. Nothing is kept beyond it. All that is handled in
 * one turn had arrived before its first question was sent, so that what was changed before a request came is seen by it.
 */
export function coalesce<Reply>(ask: (id: string) => Promise<Reply>): (id: string) => Promise<Reply> {
  let asked = new Map<string, Promise<Reply>>();
  return (id) => {
    const known = asked.get(id);
    if (known) return known;
    if (asked.size === 0) {
      setImmediate(() => {
        asked = new Map();
      });
    }
    const asking = ask(id);
    asked.set(id, asking);
    return asking;
  };
}
