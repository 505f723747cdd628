import { readFile } from 'node:fs/promises';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { writeAtomically } from './process-folder.ts';
import type { ProcessIdentity } from './process-identity.ts';

const identity = { pid: Type.Integer({ minimum: 1 }), started: Type.String() };
const RunNote = Type.Object({ ...identity, specHash: Type.String() });
const ExitNote = Type.Object({ ...identity, exitCode: Type.Union([Type.Integer(), Type.Null()]) });

/** What is written down about a component's process, so that the next worker finds it. */
export type RunNote = Readonly<Type.Static<typeof RunNote>>;

/** Null when there is none that can be read: then the process is searched for. */
export async function readNote(file: string): Promise<RunNote | null> {
  return await readAs(RunNote, file);
}

export async function writeNote(file: string, note: RunNote): Promise<void> {
  await writeAtomically(file, JSON.stringify(note), 0o600);
}

/** The exit code of the noted process; null when it is not known, as when it ended while no worker ran. */
export async function readExitCode(file: string, { pid, started }: ProcessIdentity): Promise<number | null> {
  const exit = await readAs(ExitNote, `${file}.exit`);
  return exit?.pid === pid && exit.started === started ? exit.exitCode : null;
}

/** In a file of its own, since by then the note may already be that of the next process. */
export async function writeExitCode(file: string, identity: ProcessIdentity, exitCode: number | null): Promise<void> {
  await writeAtomically(`${file}.exit`, JSON.stringify({ ...identity, exitCode }), 0o600);
}

/** They say something of this process, not of a file. */
const ownFaults = ['EMFILE', 'ENFILE', 'ENOMEM'];

/** Null where a crash has cut it short, or a damaged disk does not give it: then it is as if it were not there. */
export async function readAs<Schema extends Type.TSchema>(
  schema: Schema,
  file: string,
): Promise<Type.Static<Schema> | null> {
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'));
    return Value.Check(schema, content) ? content : null;
  } catch (error) {
    if (ownFaults.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return null;
  }
}
