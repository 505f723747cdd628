/**
 * Lets callers that want the same thing share one run of the work. A caller whose signal aborts stops waiting; the work
 * goes on for the others and for the next caller.
 */
export function createSharedWork<Result>() {
  const underWay = new Map<string, Promise<Result>>();

  function begin(key: string, work: () => Promise<Result>): Promise<Result> {
    const running = work();
    underWay.set(key, running);
    const done = () => underWay.delete(key);
    running.then(done, done);
    return running;
  }

  async function share(key: string, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    const running = underWay.get(key) ?? begin(key, work);
    if (!signal) return await running;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    return await Promise.race([running, aborted.promise]).finally(() => signal.removeEventListener('abort', onAbort));
  }

  return { share, isIdle: () => underWay.size === 0 };
}
