import { readdir } from 'node:fs/promises';
import { type ObservedComponent, sandboxIdPattern } from './driver.ts';
import { ifThere } from './if-there.ts';
import { exists, type SandboxFolder } from './process-folder.ts';
import { commandOf, describeProcess, findProcesses, type ProcessFacts } from './process-identity.ts';
import { type RunNote, readExitCode, readNote } from './process-notes.ts';
import { endsWithin } from './process-signals.ts';

const componentCommands = ['etcd', 'kube-apiserver', 'kube-controller-manager'];
const exitTimeoutMs = 10_000;

/**
 * The components of a sandbox that have been started at least once: each has a log, since the file is made before the
 * process.
 */
export async function componentNames({ logsDir }: SandboxFolder): Promise<string[]> {
  const logs = (await ifThere(readdir(logsDir))) ?? [];
  return logs.filter((name) => name.endsWith('.log')).map((name) => name.slice(0, -4));
}

/** Looks for the component processes of a sandbox among all that run. */
export type Search = () => Promise<readonly ProcessFacts[]>;

/** Null when the component has never run in this folder. */
export async function observeComponent(
  folder: SandboxFolder,
  name: string,
  search?: Search,
): Promise<ObservedComponent | null> {
  const running = await findRunning(folder, name, search);
  const note = running ?? (await readNote(folder.noteFile(name)));
  if (!note) return null;
  return {
    name,
    state: running ? 'running' : 'exited',
    specHash: note.specHash,
    exitCode: running ? null : await readExitCode(folder.noteFile(name), note),
    pid: running ? note.pid : null,
    address: null,
  };
}

/**
 * The component that runs now, else null. It is not the noted one when a crash came between the start of a process and its
 * note, or the note was lost: then it is searched for, and what it was started with is unknown.
 */
export async function findRunning(
  folder: SandboxFolder,
  name: string,
  search: Search = () => processesOf(folder),
): Promise<RunNote | null> {
  const note = await readNote(folder.noteFile(name));
  if (note && (await runs(note, folder))) return note;
  // The log is made before the process: without a log there is no process.
  if (!note && !(await exists(folder.logFile(name)))) return null;
  const found = (await search()).find(({ commandLine }) => commandOf(commandLine) === name);
  return found ? { pid: found.pid, started: found.started, specHash: 'unknown' } : null;
}

/** Every component process that has this sandbox's folder on its command line, whether it was noted or not. */
export async function processesOf({ dir }: SandboxFolder): Promise<ProcessFacts[]> {
  return await componentProcesses(`${dir}/`);
}

/** The component processes of all sandboxes below a root, by the id of their sandbox. */
export async function processesBelow(root: string): Promise<Map<string, ProcessFacts[]>> {
  const below = `${root}/`;
  const idOf = ({ commandLine }: ProcessFacts) =>
    commandLine.slice(commandLine.indexOf(below) + below.length).split('/', 1)[0] ?? '';
  const found = await componentProcesses(below);
  return Map.groupBy(
    found.filter((one) => sandboxIdPattern.test(idOf(one))),
    idOf,
  );
}

async function componentProcesses(text: string): Promise<ProcessFacts[]> {
  const found = await findProcesses(text);
  // Not somebody's editor or `tail -f` on one of the files.
  return found.filter(({ commandLine }) => componentCommands.includes(commandOf(commandLine)));
}

/**
 * Whether the noted process runs. One that is exiting has no command line any more, but may still hold its port: its
 * end is waited for, so that a component that is reported as exited holds nothing.
 */
async function runs(note: RunNote, { dir }: SandboxFolder): Promise<boolean> {
  const facts = await describeProcess(note.pid);
  if (facts === null || facts.started !== note.started) return false;
  if (facts.commandLine === '') return !(await endsWithin(note, exitTimeoutMs));
  return facts.commandLine.includes(`${dir}/`);
}
