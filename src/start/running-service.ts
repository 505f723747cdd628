import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../errors.ts';
import { describeProcess, isAlive, type ProcessIdentity } from '../runtime/process-identity.ts';

interface RunningService extends ProcessIdentity {
  readonly url: string | null;
}

const noteFile = (dataDir: string) => path.join(dataDir, 'service.json');

/** The service that uses this data folder now, or null. */
export async function findRunningService(dataDir: string): Promise<RunningService | null> {
  try {
    const note = JSON.parse(await readFile(noteFile(dataDir), 'utf8')) as RunningService;
    return (await isAlive(note)) ? note : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Notes that this process uses the data folder. Throws `conflict` when another does. */
export async function claimService(
  dataDir: string,
): Promise<{ listening(url: string): Promise<void>; release(): Promise<void> }> {
  const other = await findRunningService(dataDir);
  if (other && other.pid !== process.pid) {
    const where = other.url ? ` at ${other.url}` : '';
    throw new AppError(
      'conflict',
      `Sandplane is running already${where} (pid ${other.pid}). Stop it with Ctrl-C there, or: kill ${other.pid}`,
    );
  }
  const self = await describeProcess(process.pid);
  const note = async (url: string | null) => {
    await writeFile(noteFile(dataDir), JSON.stringify({ pid: process.pid, started: self?.started, url }), {
      mode: 0o600,
    });
  };
  await note(null);
  return { listening: note, release: () => rm(noteFile(dataDir), { force: true }) };
}
