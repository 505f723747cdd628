import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { call, orNull } from '../docker/calls.ts';
import { isAppError } from '../errors.ts';
import { acceptTimeoutMs, componentExited, notAccepting } from './component-errors.ts';
import { containerOf, objectName } from './docker-container.ts';
import { lastLines } from './docker-logs.ts';
import { type ComponentSpec, logTailLines } from './driver.ts';
import { openEtcd } from './etcd-client.ts';
import { waitUntil } from './probe.ts';

/** Where a Unix socket of a sandbox is, as this host sees the daemon's volumes, if it does. Null: there is no volume. */
export async function socketIn(docker: Docker, sandboxId: string, name: string): Promise<string | null> {
  const volume = await orNull(docker.getVolume(objectName(sandboxId)).inspect());
  return volume && path.join(volume.Mountpoint, sandboxId, name);
}

interface Started {
  readonly docker: Docker;
  readonly sandboxId: string;
  readonly component: ComponentSpec;
  /** What the volume of the sandbox is mounted at in the container. */
  readonly root: string;
  readonly signal: AbortSignal;
}

/**
 * Waits until etcd serves; returns at once for a component without a socket. What it logs does not matter: its log may be
 * rotated, or hold errors only. Throws `component_exited`, `component_timeout` (both with the log tail), or the reason of
 * the signal.
 */
export async function waitUntilAccepting({ docker, sandboxId, component, root, signal }: Started): Promise<void> {
  const { name, accepts } = component;
  if (!accepts) return;
  const container = containerOf(docker, sandboxId, name);
  const socket = await socketIn(docker, sandboxId, accepts.unixSocket);
  const isInReach = socket !== null && (await canEnter(path.dirname(socket)));
  const ask = () =>
    isInReach ? answersAt(socket, signal) : hasMadeSocket(container, `${root}/${sandboxId}/${accepts.unixSocket}`);
  const stillPossible = () => throwIfExited(container, name);
  try {
    await waitUntil(ask, { what: name, timeoutMs: acceptTimeoutMs, everyMs: 10, signal, stillPossible });
  } catch (error) {
    if (!isAppError(error, 'component_timeout')) throw error;
    throw notAccepting(name, await lastLines(container, logTailLines));
  }
}

/** Not where the daemon is on another machine, or its volumes are another user's. */
async function canEnter(folder: string): Promise<boolean> {
  return await access(folder, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** etcd takes connections before it serves, and answers once it does. */
async function answersAt(socket: string, signal: AbortSignal): Promise<boolean> {
  // None yet, or that of an etcd that was killed, which refuses: it is asked again.
  const etcd = await openEtcd(socket, signal).catch(() => null);
  const status = await etcd?.status().catch(() => null);
  await etcd?.close();
  return Boolean(status);
}

/**
 * Whether the container has made its Unix socket in its present run: the one of a run before may still be there. It takes
 * connections then, and kube-apiserver, which is started next, waits until etcd answers.
 */
async function hasMadeSocket(container: Docker.Container, socket: string): Promise<boolean> {
  const answer = (await orNull(container.infoArchive({ path: socket }))) as Readable | null;
  // The body would keep its connection until it is read.
  answer?.destroy();
  if (!answer) return false;
  const { Created, State } = await call(container.inspect());
  // The clock may have been set back since it was created: that counts only for its first run.
  const runSince = Date.parse(State.FinishedAt.startsWith('0001-') ? Created : State.FinishedAt);
  return State.Running && modifiedAt(answer) > runSince;
}

/** When a file was modified, in epoch milliseconds, by the header of its answer (Docker Engine API, "Get information about files"). */
function modifiedAt(answer: Readable): number {
  const { headers } = answer as unknown as { headers: Record<string, string> };
  const stat = Buffer.from(headers['x-docker-container-path-stat'] ?? '', 'base64').toString();
  return Date.parse((JSON.parse(stat) as { mtime: string }).mtime);
}

async function throwIfExited(container: Docker.Container, name: string): Promise<void> {
  const found = await orNull(container.inspect());
  if (found?.State.Running) return;
  const { ExitCode = null, OOMKilled = false } = found?.State ?? {};
  const exit = { exitCode: ExitCode, isOutOfMemory: OOMKilled };
  throw componentExited(name, exit, await lastLines(container, logTailLines));
}
