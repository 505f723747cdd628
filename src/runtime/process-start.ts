import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import { acceptTimeoutMs, componentExited, notAccepting } from './component-errors.ts';
import { type ComponentSpec, logTailLines } from './driver.ts';
import { observeComponent } from './process-components.ts';
import type { Owner, SandboxFolder } from './process-folder.ts';
import { describeProcess } from './process-identity.ts';
import { lastLines } from './process-logs.ts';
import { writeExitCode, writeNote } from './process-notes.ts';

/** Starts the process in a session of its own, so that it outlives the worker, and notes it. */
export async function spawnComponent(
  component: ComponentSpec,
  { binary, folder, owner }: { binary: string; folder: SandboxFolder; owner: Owner },
): Promise<void> {
  const noteFile = folder.noteFile(component.name);
  const log = await open(folder.logFile(component.name), 'a', 0o600);
  try {
    const child = spawn(binary, component.args, {
      cwd: folder.dir,
      env: { ...component.env },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      ...owner,
    });
    const pid = await pidOf(child, component.name);
    const facts = await describeProcess(pid);
    const identity = { pid, started: facts?.started ?? 'ended' };
    await writeNote(noteFile, { ...identity, specHash: component.specHash });
    child.once('exit', (code) => {
      // When it fails, the exit code is unknown, which readers allow for: the folder may be being removed.
      writeExitCode(noteFile, identity, code).catch(() => undefined);
    });
    child.unref();
  } finally {
    await log.close();
  }
}

async function pidOf(child: ChildProcess, component: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid as number));
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const hint = cause.code === 'EACCES' ? ' Its folder must be open to other users: set SANDPLANE_CACHE_DIR.' : '';
      const message = `${component} could not be started: ${cause.message}.${hint}`;
      reject(new AppError('component_exited', message, { cause, component }));
    });
  });
}

/**
 * Waits until the component accepts connections at its Unix socket; returns at once when it has none. Throws
 * `component_exited`, `component_timeout` (both with the log tail), or the reason of the signal.
 */
export async function waitUntilAccepting(
  folder: SandboxFolder,
  component: ComponentSpec,
  signal: AbortSignal,
): Promise<void> {
  if (!component.accepts) return;
  const deadline = performance.now() + acceptTimeoutMs;
  while (!(await accepts(path.join(folder.dir, component.accepts.unixSocket)))) {
    signal.throwIfAborted();
    await throwIfExited(folder, component.name);
    if (performance.now() > deadline) {
      const logTail = await lastLines(folder.logFile(component.name), logTailLines);
      throw notAccepting(component.name, logTail);
    }
    await delay(5);
  }
}

async function throwIfExited(folder: SandboxFolder, component: string): Promise<void> {
  const observed = await observeComponent(folder, component);
  if (observed?.state !== 'exited') return;
  throw componentExited(component, observed, await lastLines(folder.logFile(component), logTailLines));
}

async function accepts(socketFile: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ path: socketFile });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
