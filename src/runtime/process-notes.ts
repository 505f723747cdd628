import { readFile } from 'node:fs/promises';
import { writeAtomically } from './process-folder.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** What is written down about a component's process, so that the next worker finds it. */
export interface RunNote extends ProcessIdentity {
  readonly specHash: string;
}

export async function readNote(file: string): Promise<RunNote | null> {
  return (await readJson(file)) as RunNote | null;
}

export async function writeNote(file: string, note: RunNote): Promise<void> {
  await writeAtomically(file, JSON.stringify(note), 0o600);
}

/** The exit code of the noted process; null when it is not known, as when it ended while no worker ran. */
export async function readExitCode(file: string, { pid, started }: ProcessIdentity): Promise<number | null> {
  const exit = (await readJson(`${file}.exit`)) as (ProcessIdentity & { exitCode: number | null }) | null;
  return exit?.pid === pid && exit.started === started ? exit.exitCode : null;
}

/** In a file of its own, since by then the note may already be that of the next process. */
export async function writeExitCode(file: string, identity: ProcessIdentity, exitCode: number | null): Promise<void> {
  await writeAtomically(`${file}.exit`, JSON.stringify({ ...identity, exitCode }), 0o600);
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    // There is no file, or a crash cut it short: the caller then searches for the process itself.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}
