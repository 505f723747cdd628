/** Rejects when `call` has not settled in time; the call itself goes on, so its outcome is unknown then. */
export async function withDeadline<Result>(call: Promise<Result>, timeoutMs: number, who: string): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new DeadlineError(`${who} did not answer within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  try {
    return await Promise.race([call, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export class DeadlineError extends Error {}
