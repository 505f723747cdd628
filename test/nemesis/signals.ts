import { setTimeout as delay } from 'node:timers/promises';
import { describeProcess, isAlive, type ProcessIdentity } from '../../src/runtime/process-identity.ts';
import type { Random } from './random.ts';

/** Only to that very process: its number may be another's by now. */
export async function send(one: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  if (await isAlive(one)) process.kill(one.pid, signal);
}

export async function killAll(all: readonly ProcessIdentity[]): Promise<void> {
  for (const one of all) await send(one, 'SIGKILL');
}

/** Stops it for some seconds. Returns for how many. */
export async function freeze(one: ProcessIdentity, random: Random): Promise<number> {
  const seconds = random.between(1, 12);
  await send(one, 'SIGSTOP');
  try {
    await delay(seconds * 1000);
  } finally {
    await send(one, 'SIGCONT');
  }
  return seconds;
}

export async function identityOf(pid: number | undefined): Promise<ProcessIdentity | null> {
  return pid === undefined ? null : await describeProcess(pid);
}
