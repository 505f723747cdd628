import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { type Pack, pack } from 'tar-stream';
import { call, orNull, statusOf } from '../docker/calls.ts';
import { AppError } from '../errors.ts';
import { dataLost } from './component-errors.ts';
import { containerUser, objectName } from './docker-container.ts';
import { etcdLogDir, type SandboxPlan } from './driver.ts';

/** An empty file that is written last: where it is, everything before it has arrived. */
const preparedMark = '.prepared';

/**
 * Copies the files into the volume of the sandbox, mounted at `root`, and the etcd data the first time. The mark arrives
 * last, so that a copy that was cut short is made again.
 */
export async function fillSandbox(container: Docker.Container, plan: SandboxPlan, root: string): Promise<void> {
  const isPrepared = await exists(container, `${root}/${plan.sandboxId}/${preparedMark}`);
  const archive = await sandboxArchive(plan, !isPrepared && !plan.mustHaveData);
  await call(container.putArchive(archive as never, { path: root }));
}

/** Throws `data_lost` unless the volume of the sandbox, mounted at `root`, has etcd data. */
export async function throwIfEmpty(container: Docker.Container, plan: SandboxPlan, root: string): Promise<void> {
  const etcdLog = `${root}/${plan.sandboxId}/${plan.etcdDataDir}/${etcdLogDir}`;
  if (await exists(container, etcdLog).catch((error) => throwIfFolderGone(container, plan, etcdLog, error))) return;
  // 404 is said of a container that is not there as well.
  if (await orNull(container.inspect())) throw dataLost(`The volume ${objectName(plan.sandboxId)} has no data of etcd`);
  throw new AppError('runtime_unavailable', 'Docker has lost the container in which the data was looked for.');
}

/**
 * Throws `data_lost` when a look failed because the folder of the volume was removed from the disk, else the error of the
 * look. Docker answers both by 500, and a look has no body that tells which: the words come with a read.
 */
async function throwIfFolderGone(
  container: Docker.Container,
  { sandboxId }: SandboxPlan,
  file: string,
  error: unknown,
): Promise<never> {
  if (statusOf(error) !== 500) throw error;
  const volume = objectName(sandboxId);
  const words = await call(container.getArchive({ path: file })).then(
    (answer) => void (answer as Readable).destroy(),
    (refused: Error) => refused.message,
  );
  if (!words?.includes(volume) || !words.includes('no such file or directory')) throw error;
  throw dataLost(`The folder of the volume ${volume} is gone`);
}

async function exists(container: Docker.Container, file: string): Promise<boolean> {
  const answer = (await orNull(container.infoArchive({ path: file }))) as Readable | null;
  // The body would keep its connection until it is read.
  answer?.destroy();
  return answer !== null;
}

/** The sandbox's folder as a tar: the files always; the template and the mark only `withData`. */
async function sandboxArchive(plan: SandboxPlan, withData: boolean): Promise<Pack> {
  const archive = pack();
  const owner = { ...containerUser, mtime: new Date() };
  const folder = (name: string) =>
    archive.entry({ ...owner, name: `${plan.sandboxId}/${name}`, type: 'directory', mode: 0o700 });
  const file = (name: string, content: Buffer | string, mode: number) =>
    archive.entry({ ...owner, name: `${plan.sandboxId}/${name}`, mode }, content);

  folder('');
  for (const name of new Set(plan.files.map((one) => path.posix.dirname(one.path)))) folder(name);
  folder('logs');
  for (const { path: name, content, mode } of plan.files) file(name, content, mode);
  if (withData) {
    if (plan.templateDir) {
      for (const [name, content] of await readTree(plan.templateDir)) {
        const target = name ? `${plan.etcdDataDir}/${name}` : plan.etcdDataDir;
        if (content === null) folder(target);
        else file(target, content, 0o600);
      }
    }
    file(preparedMark, '', 0o600);
  }
  archive.finalize();
  return archive;
}

/** Files below `dir` with their content, and folders with null, parents first. A template has half a megabyte. */
async function readTree(dir: string, below = ''): Promise<[string, Buffer | null][]> {
  const found: [string, Buffer | null][] = [[below, null]];
  for (const entry of await readdir(path.join(dir, below), { withFileTypes: true })) {
    const name = path.posix.join(below, entry.name);
    if (entry.isDirectory()) found.push(...(await readTree(dir, name)));
    else found.push([name, await readFile(path.join(dir, name))]);
  }
  return found;
}
