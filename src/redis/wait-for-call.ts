/** Waits until the function that it adds to `waiting` is called, for `timeoutMs` at most, or until `signal` aborts. */
export async function waitForCall(waiting: Set<() => void>, timeoutMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = setTimeout(wake, timeoutMs);
  signal.addEventListener('abort', wake);
  waiting.add(wake);
  await promise;
  waiting.delete(wake);
  signal.removeEventListener('abort', wake);
  clearTimeout(timer);
}
