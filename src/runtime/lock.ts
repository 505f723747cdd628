import lockfile from 'proper-lockfile';

/** At most this long it is waited for others, each of which takes some milliseconds: half a minute or less. */
const tries = 1000;

/**
 * Takes a lock that other processes take too, for work of some milliseconds: that of a process that died is free after 10 s.
 * Resolves with what gives it back; rejects when it cannot be had.
 */
export async function takeLock(file: string): Promise<() => Promise<void>> {
  const release = await lockfile.lock(file, {
    lockfilePath: file,
    // It need not exist.
    realpath: false,
    retries: { retries: tries, factor: 1, minTimeout: 5, maxTimeout: 50, randomize: true },
    // The library would end the process.
    onCompromised: () => undefined,
  });
  // It rejects when somebody else has the lock by now, as when this process stood still.
  return () => release().catch(() => undefined);
}
