import { rm } from 'node:fs/promises';
import path from 'node:path';
import Type from 'typebox';
import { AppError } from '../errors.ts';
import { takeLock } from '../file-lock.ts';
import { writeAtomically } from '../runtime/process-folder.ts';
import { describeProcess, isAlive } from '../runtime/process-identity.ts';
import { readAs } from '../runtime/process-notes.ts';

const RunningService = Type.Object({
  pid: Type.Integer({ minimum: 1 }),
  started: Type.String(),
  url: Type.Union([Type.String(), Type.Null()]),
});
type RunningService = Readonly<Type.Static<typeof RunningService>>;

const lockTimeoutMs = 30_000;
const noteFile = (dataDir: string) => path.join(dataDir, 'service.json');

/** The service that uses this data folder now, or null. */
export async function findRunningService(dataDir: string): Promise<RunningService | null> {
  const note = await readAs(RunningService, noteFile(dataDir));
  return note && (await isAlive(note)) ? note : null;
}

/** Notes that this process uses the data folder; of several that try at once, one does. Throws `conflict` when another does. */
export async function claimService(
  dataDir: string,
): Promise<{ listening(url: string): Promise<void>; release(): Promise<void> }> {
  const self = await describeProcess(process.pid);
  const note = async (url: string | null) => {
    const content = JSON.stringify({ pid: process.pid, started: self?.started, url });
    await writeAtomically(noteFile(dataDir), content, 0o600);
  };
  const unlock = await takeLock(path.join(dataDir, 'service.lock'), { code: 'conflict', waitMs: lockTimeoutMs });
  try {
    await throwIfRunning(dataDir);
    await note(null);
  } finally {
    await unlock();
  }
  return { listening: note, release: () => rm(noteFile(dataDir), { force: true }) };
}

async function throwIfRunning(dataDir: string): Promise<void> {
  const other = await findRunningService(dataDir);
  if (!other || other.pid === process.pid) return;
  const where = other.url ? ` at ${other.url}` : '';
  const detail = `Sandplane is running already${where} (pid ${other.pid}). Stop it with Ctrl-C there, or: kill ${other.pid}`;
  throw new AppError('conflict', detail);
}
