import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
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
import { componentNames, findRunning, observeComponent, processesOf } from './process-components.ts';
import { exists, type Owner, prepareFolder, type SandboxFolder, sandboxFolder } from './process-folder.ts';
import { readLog, rotateLog } from './process-logs.ts';
import { kill, terminate } from './process-signals.ts';
import { spawnComponent, waitUntilAccepting } from './process-start.ts';

interface ProcessRuntimeOptions {
  /** Holds one folder per sandbox. */
  readonly root: string;
  readonly binaryOf: (component: string, version: string, signal?: AbortSignal) => Promise<string>;
  /** Sandboxes run as users from this id on; null: as the service's own user. */
  readonly uidBase: number | null;
  readonly bindAddress: string;
}

/**
 * Components as child processes in sessions of their own: they outlive the worker, and the next worker finds them by
 * pid, start time and the folder on their command line. Limits of a component are not applied.
 */
export function createProcessRuntime({ root, binaryOf, uidBase, bindAddress }: ProcessRuntimeOptions): Runtime {
  const folderOf = (id: string) => {
    if (!sandboxIdPattern.test(id)) throw new Error('not a sandbox id');
    return sandboxFolder(root, id);
  };
  const ownerOf = (userOffset: number): Owner =>
    uidBase === null ? null : { uid: uidBase + userOffset, gid: uidBase + userOffset };

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
      await spawnComponent(component, { binary, folder, owner: ownerOf(plan.userOffset) });
    }
    await waitUntilAccepting(folder, component, signal);
  }

  async function sandboxIds(): Promise<string[]> {
    return ((await ifThere(readdir(root))) ?? []).filter((name) => sandboxIdPattern.test(name));
  }

  return {
    name: 'process',
    root,
    start,
    async prepare(plan) {
      await prepareFolder(folderOf(plan.sandboxId), plan, ownerOf(plan.userOffset));
    },
    async observe(sandboxId) {
      const ids = sandboxId ? [sandboxId] : await sandboxIds();
      const found: ObservedSandbox[] = [];
      for (const id of ids) if (await exists(folderOf(id).dir)) found.push(await observeFolder(id, folderOf(id)));
      return found;
    },
    async stop(id, component, graceMs) {
      const running = await findRunning(folderOf(id), component);
      if (running) await terminate(running, graceMs);
    },
    async remove(id) {
      const { dir } = folderOf(id);
      // By command line, not by notes: whatever runs from this folder has to end.
      await kill(await processesOf(folderOf(id)));
      await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
    async logs(id, component, options) {
      return await readLog(folderOf(id).logFile(component), options);
    },
    async etcdSocket(id) {
      const socket = path.join(folderOf(id).dir, etcdSocketName);
      return (await exists(socket)) ? socket : null;
    },
    async rotateLogs() {
      for (const folder of (await sandboxIds()).map(folderOf)) {
        for (const name of await componentNames(folder)) await rotateLog(folder.logFile(name));
      }
    },
  };
}

async function observeFolder(sandboxId: string, folder: SandboxFolder): Promise<ObservedSandbox> {
  const names = await componentNames(folder);
  const components = await Promise.all(names.map((name) => observeComponent(folder, name)));
  return { sandboxId, components: components.filter((one) => one !== null) };
}

async function throwIfPortTaken({ port }: ComponentSpec, bindAddress: string): Promise<void> {
  if (port === null || (await isPortFree(port, bindAddress))) return;
  throw portTaken(port);
}
