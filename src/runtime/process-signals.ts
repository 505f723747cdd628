import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, type ProcessIdentity, pidsOfUser } from './process-identity.ts';

const killTimeoutMs = 10_000;

/** Sends a signal to a process, or to a process group when the pid is negative. One that has ended is no error. */
export function sendSignal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits until the process has ended. False when it still runs after the timeout. */
export async function endsWithin(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = 5; await isAlive(identity); pauseMs = Math.min(pauseMs * 2, 100)) {
    if (performance.now() > deadline) return false;
    await delay(pauseMs);
  }
  return true;
}

/** SIGTERM, then SIGKILL after the grace. Throws when the process survives even that. */
export async function terminate(identity: ProcessIdentity, graceMs: number): Promise<void> {
  sendSignal(identity.pid, 'SIGTERM');
  if (!(await endsWithin(identity, graceMs))) await kill([identity]);
}

/** SIGKILL to all of them. Resolves when all have ended; throws when one survives. */
export async function kill(identities: readonly ProcessIdentity[]): Promise<void> {
  for (const { pid } of identities) sendSignal(pid, 'SIGKILL');
  for (const identity of identities) {
    if (!(await endsWithin(identity, killTimeoutMs))) throw new Error(`pid ${identity.pid} survived SIGKILL`);
  }
}

/** SIGKILL to all processes of a user, until there is none: one that is killed may have started another. Throws when some survive. */
export async function killUser(uid: number): Promise<void> {
  const deadline = performance.now() + killTimeoutMs;
  for (let pids = await pidsOfUser(uid); pids.length > 0; pids = await pidsOfUser(uid)) {
    if (performance.now() > deadline) throw new Error(`processes of the user ${uid} survived SIGKILL`);
    for (const pid of pids) sendSignal(pid, 'SIGKILL');
    await delay(5);
  }
}
