import lockfile from 'proper-lockfile';

/** Half a minute in all: longer than until the lock of a process that died is free. */
const retries = { retries: 600, factor: 1.3, minTimeout: 5, maxTimeout: 50, randomize: true };

/**
 * Takes a lock that other processes take too, for work of some milliseconds: that of a process that died is free after 10 s.
 * Resolves with what gives it back; rejects when it cannot be had.
 */
export async function takeLock(file: string): Promise<() => Promise<void>> {
  const take = async (options: { retries: number | typeof retries }) =>
    await lockfile.lock(file, {
      lockfilePath: file,
      // It need not exist.
      realpath: false,
      // The library would end the process.
      onCompromised: () => undefined,
      ...options,
    });
  const release = await take({ retries: 0 }).catch(async (error: NodeJS.ErrnoException) => {
    // What the machine refuses is not worth the wait.
    if (error.code !== 'ELOCKED') throw error;
    return await take({ retries });
  });
  // It rejects when somebody else has the lock by now, as when this process stood still.
  return () => release().catch(() => undefined);
}
