import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, chown, cp, lchown, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { dataLost } from './component-errors.ts';
import { etcdLogDir, type PlanFile, type SandboxPlan } from './driver.ts';
import { ifThere } from './if-there.ts';

const run = promisify(execFile);

/** The user that a sandbox's processes run as; null: the service's own. The group has the same id. */
export type Owner = { readonly uid: number; readonly gid: number } | null;

/** Beside the folders of sandboxes; holds one folder for each of them that belongs to the service alone. */
export const serviceFolderName = 'service';

export type SandboxFolder = ReturnType<typeof sandboxFolder>;

/**
 * `<root>/<id>` is where the sandbox works: etcd data, certificates, its audit log. What the service writes about it and
 * reads again, logs and notes, is in `<root>/service/<id>`, out of reach of the sandbox's user: he could put a link there
 * to a file of somebody else.
 */
export function sandboxFolder(root: string, id: string) {
  const serviceDir = path.join(root, serviceFolderName, id);
  return {
    dir: path.join(root, id),
    serviceDir,
    logsDir: path.join(serviceDir, 'logs'),
    logFile: (component: string) => path.join(serviceDir, 'logs', `${component}.log`),
    noteFile: (component: string) => path.join(serviceDir, 'run', `${component}.json`),
    userFile: path.join(serviceDir, 'user'),
  };
}

export async function makeServiceFolder({ dir, serviceDir }: SandboxFolder): Promise<void> {
  const root = path.dirname(dir);
  await mkdir(root, { recursive: true });
  // The users of sandboxes pass through to their own folders, but may not list it.
  await chmod(root, 0o711);
  for (const name of ['logs', 'run']) await mkdir(path.join(serviceDir, name), { recursive: true, mode: 0o700 });
}

/** Makes the sandbox's folder; etcd data that exists is kept, files are written anew. Throws `data_lost`. */
export async function prepareFolder(folder: SandboxFolder, plan: SandboxPlan, owner: Owner): Promise<void> {
  const data = path.join(folder.dir, plan.etcdDataDir);
  if (plan.mustHaveData && !(await hasEtcdLog(data))) throw dataLost(`${data} has no data of etcd`);
  if (!(await exists(folder.dir))) await makeFolder(folder, plan, owner);
  for (const file of plan.files) await writePlanFile(folder.dir, file, owner);
}

async function hasEtcdLog(data: string): Promise<boolean> {
  const names = (await ifThere(readdir(path.join(data, etcdLogDir)))) ?? [];
  return names.some((name) => name.endsWith('.wal'));
}

/**
 * Makes it out of the sandbox's reach and renames it to its place when it is complete: a copy that a crash cut short is
 * never taken for data. The sandbox's user may make files in it, as sockets, but it belongs to the service and has the
 * sticky bit: what else belongs to the service in there he can neither rename nor remove.
 */
async function makeFolder({ dir, serviceDir }: SandboxFolder, plan: SandboxPlan, owner: Owner): Promise<void> {
  const made = path.join(serviceDir, 'new');
  await rm(made, { recursive: true, force: true });
  await mkdir(path.join(made, 'logs'), { recursive: true, mode: 0o700 });
  if (plan.templateDir) {
    const data = path.join(made, plan.etcdDataDir);
    await cp(plan.templateDir, data, { recursive: true, mode: constants.COPYFILE_FICLONE });
    await chmod(data, 0o700);
  }
  if (owner) {
    await giveTree(made, owner);
    await chown(made, ownUid(), owner.gid);
  }
  await chmod(made, owner ? 0o1770 : 0o700);
  await rename(made, dir);
}

async function giveTree(target: string, owner: NonNullable<Owner>): Promise<void> {
  await lchown(target, owner.uid, owner.gid);
  const entries = (await lstat(target)).isDirectory() ? await readdir(target) : [];
  for (const name of entries) await giveTree(path.join(target, name), owner);
}

/** The file is the sandbox user's, its folder the service's: he can read it, and put nothing else in its place. */
async function writePlanFile(dir: string, file: PlanFile, owner: Owner): Promise<void> {
  let folder = dir;
  for (const name of path.dirname(file.path).split('/')) {
    folder = path.join(folder, name);
    await makeOwn(folder);
  }
  await writeAtomically(path.join(dir, file.path), file.content, file.mode, owner);
}

/** Throws when there is something of that name that does not belong to the service. */
async function makeOwn(folder: string): Promise<void> {
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== ownUid()) throw new Error(`${folder} was not made by the service`);
  await chmod(folder, 0o711);
}

function ownUid(): number {
  return process.getuid?.() ?? 0;
}

/**
 * By `rm`, which opens each folder and follows no link on its way: a program of the sandbox that is still there could
 * put one in the place of a folder that is just being emptied.
 */
export async function removeFolder({ dir, serviceDir }: SandboxFolder): Promise<void> {
  for (const folder of [dir, serviceDir]) await run('rm', ['-rf', '--', folder]);
}

export async function writeAtomically(file: string, content: string, mode: number, owner: Owner = null): Promise<void> {
  const partial = `${file}.partial`;
  await rm(partial, { force: true });
  const handle = await open(partial, 'wx', mode);
  try {
    await handle.writeFile(content);
    await handle.chmod(mode);
    if (owner) await handle.chown(owner.uid, owner.gid);
  } finally {
    await handle.close();
  }
  await rename(partial, file);
}

/** Whether neither of its two folders was removed, nor the one with its logs. */
export async function isWhole({ dir, logsDir }: SandboxFolder): Promise<boolean> {
  return (await exists(dir)) && (await exists(logsDir));
}

export async function exists(file: string): Promise<boolean> {
  return (await ifThere(lstat(file))) !== null;
}
