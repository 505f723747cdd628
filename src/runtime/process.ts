import { spawn } from 'node:child_process';
import { open, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import {
  type ComponentSpec,
  type LogOptions,
  logTailLines,
  type ObservedComponent,
  type ObservedSandbox,
  type Runtime,
  type SandboxPlan,
  sandboxIdPattern,
} from './driver.ts';
import { ifThere } from './if-there.ts';
import { isPortFree } from './ports.ts';
import {
  exists,
  type Owner,
  prepareFolder,
  type RunNote,
  readExitCode,
  readNote,
  sandboxFolder,
  writeExitCode,
  writeNote,
} from './process-folder.ts';
import { describeProcess, findProcesses, isAlive, type ProcessIdentity } from './process-identity.ts';
import { lastLines, readLog, rotateLog } from './process-logs.ts';

const acceptTimeoutMs = 30_000;

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
 * pid, start time and the id on their command line.
 */
export function createProcessRuntime({ root, binaryOf, uidBase, bindAddress }: ProcessRuntimeOptions): Runtime {
  const folderOf = (id: string) => {
    if (!sandboxIdPattern.test(id)) throw new Error('not a sandbox id');
    return sandboxFolder(root, id);
  };
  const ownerOf = (slot: number): Owner => (uidBase === null ? null : { uid: uidBase + slot, gid: uidBase + slot });

  async function observeComponent(id: string, name: string): Promise<ObservedComponent | null> {
    const file = folderOf(id).noteFile(name);
    const note = (await readNote(file)) ?? (await adopt(id, name));
    if (!note) return null;
    const alive = await isOurs(note, folderOf(id).dir);
    return {
      name,
      state: alive ? 'running' : 'exited',
      specHash: note.specHash,
      exitCode: alive ? null : await readExitCode(file, note),
      pid: alive ? note.pid : null,
    };
  }

  /** A process whose note a crash has swallowed: found by its command line. */
  async function adopt(id: string, name: string): Promise<RunNote | null> {
    const { dir, logFile, noteFile } = folderOf(id);
    // The log is made before the process: without one there was none, and looking through all processes is slow.
    if (!(await exists(logFile(name)))) return null;
    const [found] = (await findProcesses(`${dir}/`)).filter((one) => commandOf(one.commandLine) === name);
    if (!found) return null;
    const note = { pid: found.pid, started: found.started, specHash: 'unknown' };
    await writeNote(noteFile(name), note);
    return note;
  }

  async function launch(plan: SandboxPlan, component: ComponentSpec, binary: string): Promise<ProcessIdentity> {
    const { dir, logFile, noteFile } = folderOf(plan.sandboxId);
    const owner = ownerOf(plan.slot);
    const log = await open(logFile(component.name), 'a', 0o600);
    try {
      const child = spawn(binary, component.args, {
        cwd: dir,
        env: { ...component.env },
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        ...owner,
      });
      const pid = await spawned(child, component.name);
      const facts = await describeProcess(pid);
      const identity = { pid, started: facts?.started ?? 'gone' };
      await writeNote(noteFile(component.name), { ...identity, specHash: component.specHash });
      child.once('exit', (code) => {
        // A sandbox that is being removed takes its notes along.
        writeExitCode(noteFile(component.name), identity, code).catch(() => undefined);
      });
      child.unref();
      return identity;
    } finally {
      await log.close();
    }
  }

  async function start(plan: SandboxPlan, component: ComponentSpec, signal: AbortSignal): Promise<void> {
    const { dir } = folderOf(plan.sandboxId);
    const binary = await binaryOf(component.name, component.version, signal);
    const before = await observeComponent(plan.sandboxId, component.name);
    if (before?.state === 'running' && before.specHash === component.specHash) {
      await waitUntilAccepting(plan.sandboxId, component, signal);
      return;
    }
    if (before?.state === 'running') await stop(plan.sandboxId, component.name, component.stopGraceMs);
    if (component.port !== null && !(await isPortFree(component.port, bindAddress))) {
      throw new AppError('port_taken', `Port ${component.port} is taken by another program.`);
    }
    // A socket that a killed process has left behind would refuse connections.
    if (component.accepts) await rm(path.join(dir, component.accepts.unixSocket), { force: true });
    signal.throwIfAborted();
    await launch(plan, component, binary);
    await waitUntilAccepting(plan.sandboxId, component, signal);
  }

  async function waitUntilAccepting(id: string, component: ComponentSpec, signal: AbortSignal): Promise<void> {
    if (!component.accepts) return;
    const { dir } = folderOf(id);
    const deadline = performance.now() + acceptTimeoutMs;
    while (!(await accepts(dir, component.accepts.unixSocket))) {
      signal.throwIfAborted();
      await throwIfExited(id, component.name);
      if (performance.now() > deadline) {
        const logTail = await lastLines(folderOf(id).logFile(component.name), logTailLines);
        const message = `${component.name} did not accept connections within ${acceptTimeoutMs / 1000} s.`;
        throw new AppError('component_timeout', message, { component: component.name, logTail });
      }
      await delay(5);
    }
  }

  async function throwIfExited(id: string, component: string): Promise<void> {
    const observed = await observeComponent(id, component);
    if (observed?.state !== 'exited') return;
    const logTail = await lastLines(folderOf(id).logFile(component), logTailLines);
    const code = observed.exitCode === null ? '' : ` with code ${observed.exitCode}`;
    throw new AppError('component_exited', `${component} exited${code}.`, { component, logTail });
  }

  async function observe(sandboxId?: string): Promise<ObservedSandbox[]> {
    const ids = sandboxId ? [sandboxId] : await sandboxIds();
    const found: ObservedSandbox[] = [];
    for (const id of ids) {
      if (!(await exists(folderOf(id).dir))) continue;
      const names = await componentNames(id);
      const components = await Promise.all(names.map((name) => observeComponent(id, name)));
      // The regular look at everything is also when logs are kept small.
      if (!sandboxId) await Promise.all(names.map((name) => rotateLog(folderOf(id).logFile(name))));
      found.push({ sandboxId: id, components: components.filter((one) => one !== null) });
    }
    return found;
  }

  async function sandboxIds(): Promise<string[]> {
    return (await readdirOrNone(root)).filter((name) => sandboxIdPattern.test(name));
  }

  /** A component that ever ran has a log: the file is made before the process. */
  async function componentNames(id: string): Promise<string[]> {
    const logs = await readdirOrNone(path.join(folderOf(id).dir, 'logs'));
    return logs.filter((name) => name.endsWith('.log') && name !== 'audit.log').map((name) => name.slice(0, -4));
  }

  async function stop(id: string, component: string, graceMs: number): Promise<void> {
    const note = (await readNote(folderOf(id).noteFile(component))) ?? (await adopt(id, component));
    if (!note || !(await isOurs(note, folderOf(id).dir))) return;
    sendSignal(note.pid, 'SIGTERM');
    if (await goneWithin(note, graceMs)) return;
    sendSignal(note.pid, 'SIGKILL');
    if (!(await goneWithin(note, 10_000))) throw new Error(`${component} (pid ${note.pid}) survived SIGKILL`);
  }

  async function remove(id: string): Promise<void> {
    const { dir } = folderOf(id);
    // By command line, not by notes: whatever runs from this folder has to go.
    const processes = await findProcesses(`${dir}/`);
    const ours = processes.filter((one) => one.pid !== process.pid && startedByUs(one.commandLine));
    for (const one of ours) sendSignal(one.pid, 'SIGKILL');
    for (const one of ours) {
      if (!(await goneWithin(one, 10_000))) throw new Error(`pid ${one.pid} of ${id} survived SIGKILL`);
    }
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }

  async function logs(id: string, component: string, options: LogOptions): Promise<AsyncIterable<Buffer>> {
    return await readLog(folderOf(id).logFile(component), options);
  }

  const prepare = (plan: SandboxPlan) => {
    folderOf(plan.sandboxId);
    return prepareFolder(root, plan, ownerOf(plan.slot));
  };

  return { name: 'process', root, prepare, start, observe, stop, remove, logs };
}

const componentCommands = ['etcd', 'kube-apiserver', 'kube-controller-manager'];

function commandOf(commandLine: string): string {
  return path.basename(commandLine.split(' ', 1)[0] ?? '');
}

/** Not somebody's editor or `tail -f` on one of our files. */
function startedByUs(commandLine: string): boolean {
  return componentCommands.includes(commandOf(commandLine));
}

const exitTimeoutMs = 10_000;

/**
 * Whether the noted process runs. One that is exiting has no command line any more, but may still hold its port: its
 * end is waited for, so that what is not running has let go of everything.
 */
async function isOurs(note: RunNote, dir: string): Promise<boolean> {
  const facts = await describeProcess(note.pid);
  if (facts?.started !== note.started) return false;
  if (facts.commandLine === '') return !(await goneWithin(note, exitTimeoutMs));
  return facts.commandLine.includes(`${dir}/`);
}

async function spawned(child: ReturnType<typeof spawn>, component: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid as number));
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const hint = cause.code === 'EACCES' ? ' Its folder must be open to other users: set SANDPLANE_CACHE_DIR.' : '';
      const message = `${component} could not be started: ${cause.message}.${hint}`;
      reject(new AppError('component_exited', message, { cause, component }));
    });
  });
}

/** Linux joins a long path of a Unix socket to the folder; connecting by a relative path would need a chdir. */
async function accepts(dir: string, socketName: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ path: path.join(dir, socketName) });
    socket.once('connect', () => resolve(socket.destroy() !== undefined));
    socket.once('error', () => resolve(false));
  });
}

async function goneWithin(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 5; await isAlive(identity); pause = Math.min(pause * 2, 100)) {
    if (performance.now() > deadline) return false;
    await delay(pause);
  }
  return true;
}

function sendSignal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended by itself in between.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function readdirOrNone(dir: string): Promise<string[]> {
  return (await ifThere(readdir(dir))) ?? [];
}
