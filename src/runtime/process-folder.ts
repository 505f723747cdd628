import { constants } from 'node:fs';
import { chmod, chown, cp, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SandboxPlan } from './driver.ts';
import { ifThere } from './if-there.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** What is written down about a component's process, so that the next worker finds it. */
export interface RunNote extends ProcessIdentity {
  readonly specHash: string;
}

/** The user that owns a sandbox's folder and processes; null when the service is not root. */
export type Owner = { readonly uid: number; readonly gid: number } | null;

export type SandboxFolder = ReturnType<typeof sandboxFolder>;

/** `<root>/<id>` holds etcd data, pki and logs of a sandbox; `run/` in it holds our notes and belongs to the service. */
export function sandboxFolder(root: string, id: string) {
  const dir = path.join(root, id);
  return {
    dir,
    logFile: (component: string) => path.join(dir, 'logs', `${component}.log`),
    noteFile: (component: string) => path.join(dir, 'run', `${component}.json`),
  };
}

/** Makes the folder; etcd data that exists is kept, files are written anew. */
export async function prepareFolder({ dir }: SandboxFolder, plan: SandboxPlan, owner: Owner): Promise<void> {
  // The users of other sandboxes pass through the parent to their own folders, but may not list it.
  await mkdir(path.dirname(dir), { recursive: true, mode: 0o711 });
  await mkdir(path.join(dir, 'run'), { recursive: true, mode: 0o700 });
  await mkdir(path.join(dir, 'logs'), { recursive: true, mode: 0o700 });
  await writeFiles(dir, plan);
  await copyTemplate(dir, plan);
  await chmod(dir, 0o700);
  if (owner) await giveTo(dir, owner);
}

async function writeFiles(dir: string, plan: SandboxPlan): Promise<void> {
  for (const file of plan.files) {
    const target = path.join(dir, file.path);
    await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
    await writeAtomically(target, file.content, file.mode);
  }
}

/** Copies under another name first, so that a copy that a crash cut short is never taken for data. */
async function copyTemplate(dir: string, plan: SandboxPlan): Promise<void> {
  const target = path.join(dir, plan.etcdDataDir);
  if (!plan.templateDir || (await exists(target))) return;
  const partial = `${target}.partial`;
  await rm(partial, { recursive: true, force: true });
  await cp(plan.templateDir, partial, { recursive: true, mode: constants.COPYFILE_FICLONE });
  await chmod(partial, 0o700);
  await rename(partial, target);
}

/** Not `run/`: a sandbox that could change our notes could have us signal a process that is not its own. */
async function giveTo(dir: string, owner: { uid: number; gid: number }): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.name === 'run') continue;
    await chownTree(path.join(dir, entry.name), owner);
  }
  await chown(dir, owner.uid, owner.gid);
}

async function chownTree(target: string, owner: { uid: number; gid: number }): Promise<void> {
  const found = await lstat(target);
  // The sandbox's user could have put a link there, to be given a file that belongs to somebody else.
  if (found.isSymbolicLink() || (found.isFile() && found.nlink > 1)) return;
  if (found.uid !== owner.uid || found.gid !== owner.gid) await chown(target, owner.uid, owner.gid);
  if (!found.isDirectory()) return;
  for (const name of await readdir(target)) await chownTree(path.join(target, name), owner);
}

export async function readNote(file: string): Promise<RunNote | null> {
  return (await readJson(file)) as RunNote | null;
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

export async function writeNote(file: string, note: RunNote): Promise<void> {
  await writeAtomically(file, JSON.stringify(note), 0o600);
}

async function writeAtomically(file: string, content: string, mode: number): Promise<void> {
  const partial = `${file}.partial`;
  await rm(partial, { force: true });
  await writeFile(partial, content, { mode, flag: 'wx' });
  await rename(partial, file);
}

export async function exists(file: string): Promise<boolean> {
  return (await ifThere(lstat(file))) !== null;
}
