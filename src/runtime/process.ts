import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../errors.ts';
import { portTaken } from './component-errors.ts';
import {
  type ComponentSpec,
  etcdSocketName,
  type ObservedSandbox,
  type Runtime,
  type SandboxPlan,
  sandboxIdPattern,
} from './driver.ts';
import { ifThere } from './if-there.ts';
import { isPortFree } from './ports.ts';
import {
  componentNames,
  findRunning,
  observeComponent,
  processesBelow,
  processesOf,
  type Search,
} from './process-components.ts';
import {
  exists,
  isWhole,
  makeServiceFolder,
  type Owner,
  prepareFolder,
  removeFolder,
  type SandboxFolder,
  sandboxFolder,
  serviceFolderName,
} from './process-folder.ts';
import { readLog, rotateLog } from './process-logs.ts';
import { kill, killUser, terminate } from './process-signals.ts';
import { spawnComponent, waitUntilAccepting } from './process-start.ts';
import { readOwner, releaseUser, renewUsers, takeUser, type UserIds } from './user-ids.ts';

interface ProcessRuntimeOptions {
  /** Holds one folder per sandbox. */
  readonly root: string;
  readonly binaryOf: (component: string, version: string, signal?: AbortSignal) => Promise<string>;
  /** Each sandbox runs as one of these users; null: as the service's own. */
  readonly userIds: UserIds | null;
  readonly bindAddress: string;
}

/**
 * Components as child processes in sessions of their own: they outlive the worker, and the next worker finds them by
 * pid, start time and the folder on their command line. Limits of a component are not applied.
 */
export function createProcessRuntime({ root, binaryOf, userIds, bindAddress }: ProcessRuntimeOptions): Runtime {
  const folderOf = (id: string) => {
    if (!sandboxIdPattern.test(id)) throw new Error('not a sandbox id');
    return sandboxFolder(root, id);
  };

  async function start(plan: SandboxPlan, component: ComponentSpec, signal: AbortSignal): Promise<void> {
    const folder = folderOf(plan.sandboxId);
    const binary = await binaryOf(component.name, component.version, signal);
    const running = await findRunning(folder, component.name);
    if (running?.specHash !== component.specHash) {
      if (running) await terminate(running, component.stopGraceMs);
      await throwIfPortTaken(component, bindAddress);
      // A socket that a killed process has left behind would refuse connections.
      if (component.accepts) await rm(path.join(folder.dir, component.accepts.unixSocket), { force: true });
      signal.throwIfAborted();
      await spawnComponent(component, { binary, folder, owner: await ownerOf(folder, userIds) });
    }
    await waitUntilAccepting(folder, component, signal);
  }

  return {
    name: 'process',
    root,
    start,
    async prepare(plan) {
      const folder = folderOf(plan.sandboxId);
      if (plan.mustHaveData) await throwIfNoRoot(root);
      // What still runs of a sandbox whose folder was removed has lost its data or its log.
      if (!(await isWhole(folder))) await kill(await processesOf(folder));
      await makeServiceFolder(folder);
      await prepareFolder(folder, plan, userIds && (await takeUser(userIds, folder)));
    },
    async observe(sandboxId) {
      if (!sandboxId) return await observeAll(root);
      const observed = await observeSandbox(sandboxId, folderOf(sandboxId));
      return observed ? [observed] : [];
    },
    async stop(id, component, graceMs) {
      const running = await findRunning(folderOf(id), component);
      if (running) await terminate(running, graceMs);
    },
    async remove(id) {
      await removeSandbox(folderOf(id), userIds);
    },
    async logs(id, component, options) {
      return await readLog(folderOf(id).logFile(component), options);
    },
    etcdSocket: async (id) => path.join(folderOf(id).dir, etcdSocketName),
    rotateLogs: async () => await rotateAllLogs(root),
  };
}

/** The data of one sandbox may be lost; where that of all is gone, it is likely to come back. */
async function throwIfNoRoot(root: string): Promise<void> {
  if (await exists(root)) return;
  throw new AppError(
    'runtime_unavailable',
    `${root}, where the data of sandboxes is, is not there. Is its disk mounted?`,
  );
}

/** Takes the ids that the sandboxes below a root have had: the notes of that may be lost, as they are elsewhere. */
export async function renewUsersOf(root: string, userIds: UserIds): Promise<void> {
  const ids = await sandboxIdsIn(root);
  await renewUsers(
    userIds,
    ids.map((id) => sandboxFolder(root, id)),
  );
}

/** Of each that there is anything of, in either of its two folders. */
async function sandboxIdsIn(root: string): Promise<string[]> {
  const folders = [root, path.join(root, serviceFolderName)];
  const names = await Promise.all(folders.map(async (folder) => (await ifThere(readdir(folder))) ?? []));
  return [...new Set(names.flat())].filter((name) => sandboxIdPattern.test(name));
}

async function ownerOf(folder: SandboxFolder, userIds: UserIds | null): Promise<Owner> {
  const owner = userIds && (await readOwner(folder));
  // Without one it would run as root.
  if (userIds && !owner) throw new Error('a sandbox that is started was prepared before');
  return owner;
}

async function removeSandbox(folder: SandboxFolder, userIds: UserIds | null): Promise<void> {
  // By command line, not by notes: whatever runs from this folder has to end.
  await kill(await processesOf(folder));
  const owner = await readOwner(folder);
  // What else runs as its user could reach into the next sandbox that gets this user.
  if (userIds && owner) await killUser(owner.uid);
  await removeFolder(folder);
  if (userIds) await releaseUser(userIds, owner, folder);
}

/** Also those of which only processes are left. */
async function observeAll(root: string): Promise<ObservedSandbox[]> {
  const running = await processesBelow(root);
  const found: ObservedSandbox[] = [];
  for (const id of new Set([...(await sandboxIdsIn(root)), ...running.keys()])) {
    const search = async () => running.get(id) ?? [];
    // One that cannot be looked at is there all the same, and hides no other.
    const empty = { sandboxId: id, components: [] };
    const observed = await observeSandbox(id, sandboxFolder(root, id), search).catch(() => empty);
    if (observed) found.push(observed);
  }
  return found;
}

/** Null when there is nothing of it. */
async function observeSandbox(
  sandboxId: string,
  folder: SandboxFolder,
  search: Search = () => processesOf(folder),
): Promise<ObservedSandbox | null> {
  if (!(await isWhole(folder))) {
    // What still runs of it is of no use any more: `prepare` ends it, or `remove`.
    const isThere = (await exists(folder.dir)) || (await exists(folder.serviceDir)) || (await search()).length > 0;
    return isThere ? { sandboxId, components: [] } : null;
  }
  const names = await componentNames(folder);
  const components = await Promise.all(names.map((name) => observeComponent(folder, name, search)));
  return { sandboxId, components: components.filter((one) => one !== null) };
}

/** Throws after all, with what failed. */
async function rotateAllLogs(root: string): Promise<void> {
  const failures: unknown[] = [];
  for (const id of await sandboxIdsIn(root)) {
    await rotateLogs(sandboxFolder(root, id)).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} sandboxes`);
}

async function rotateLogs(folder: SandboxFolder): Promise<void> {
  for (const name of await componentNames(folder)) await rotateLog(folder.logFile(name));
}

async function throwIfPortTaken({ port }: ComponentSpec, bindAddress: string): Promise<void> {
  if (port === null || (await isPortFree(port, bindAddress))) return;
  throw portTaken(port);
}
