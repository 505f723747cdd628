import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { orNull, tolerating } from '../docker/calls.ts';
import { AppError } from '../errors.ts';

const removalTimeoutMs = 30_000;

/** Removes a container, running or not. Resolves when it no longer exists; that it never did is no error. */
export async function removeContainer(docker: Docker, idOrName: string): Promise<void> {
  const container = docker.getContainer(idOrName);
  await untilRemoved(idOrName, {
    // 409: a removal is under way.
    remove: () => tolerating([404, 409], container.remove({ force: true })),
    inspect: () => container.inspect(),
  });
}

/** Removes a volume. Resolves when it no longer exists; that it never did is no error. */
export async function removeVolume(docker: Docker, name: string): Promise<void> {
  const volume = docker.getVolume(name);
  await untilRemoved(name, {
    // 409: it is in use until the daemon has finished with the containers.
    remove: () => tolerating([404, 409], volume.remove()),
    inspect: () => volume.inspect(),
  });
}

/** The daemon may accept a removal and carry it out later: tries again until the object no longer exists. */
async function untilRemoved(
  name: string,
  { remove, inspect }: { remove: () => Promise<unknown>; inspect: () => Promise<unknown> },
): Promise<void> {
  const deadline = performance.now() + removalTimeoutMs;
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 500)) {
    await remove();
    if ((await orNull(inspect())) === null) return;
    if (performance.now() > deadline) throw new AppError('runtime_unavailable', `Docker does not remove ${name}.`);
    await delay(pauseMs);
  }
}
