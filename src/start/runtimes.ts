import path from 'node:path';
import type { Logger } from 'pino';
import { createComponents } from '../components/components.ts';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors.ts';
import { createTemplates, removeAbandonedTemplates } from '../reconcile/templates.ts';
import type { HostRuntime } from '../reconcile/worker-context.ts';
import { addressesOfHost } from '../runtime/addresses.ts';
import { createDockerRuntime } from '../runtime/docker.ts';
import { connectDocker } from '../runtime/docker-connection.ts';
import { createProcessRuntime, renewUsersOf } from '../runtime/process.ts';
import { userIdsFrom } from '../runtime/user-ids.ts';

const notMapped =
  'sandboxes of the process runtime share the user of the service: no user ids from SANDPLANE_UID_BASE on are mapped into this user namespace (/proc/self/uid_map)';

export type Runtimes = ReadonlyMap<string, HostRuntime>;

/**
 * Finds out what this host can run sandboxes with: processes always, containers where a Docker daemon answers. The setting
 * only says what those get that name no runtime. Throws `config_invalid` when that is not there.
 */
export async function openRuntimes(config: Config, serviceId: string, logger: Logger, signal: AbortSignal) {
  const docker = await findDocker(config, logger);
  const components = createComponents({
    config: config.components,
    cacheDir: config.cacheDir,
    ...(docker ? { docker } : {}),
    logger,
  });
  const userIds = await userIdsFrom(config.uidBase);
  if (!userIds && process.getuid?.() === 0) logger.warn({ uidBase: config.uidBase }, notMapped);
  const processRoot = path.join(config.dataDir, 'sandboxes');
  if (userIds) await renewUsersOf(processRoot, userIds);
  const processAt = (root: string, bindAddress: string) =>
    createProcessRuntime({ root, binaryOf: components.binary, userIds, bindAddress });

  const runtimes = new Map<string, HostRuntime>();
  runtimes.set('process', {
    runtime: processAt(processRoot, config.bindAddress),
    obtain: components.binary,
    listenAddress: config.bindAddress,
    ownAddresses: addressesOfHost,
  });
  if (docker) {
    runtimes.set('docker', {
      runtime: createDockerRuntime({
        docker,
        owner: serviceId,
        bindAddress: config.bindAddress,
        imageOf: components.image,
      }),
      obtain: components.image,
      listenAddress: '0.0.0.0',
      ownAddresses: () => null,
    });
  }
  const templateFolder = path.join(config.cacheDir, 'templates');
  const runtimeAt = (root: string) => processAt(root, '127.0.0.1');
  await removeAbandonedTemplates({ folder: templateFolder, runtimeAt, logger });
  const templates = createTemplates({ folder: templateFolder, runtimeAt, logger, signal });
  return { runtimes, defaultRuntime: config.runtime, components, templates, docker };
}

async function findDocker({ runtime }: Config, logger: Logger) {
  let reason = '';
  const docker = await connectDocker((error) => {
    reason = error.message;
  });
  if (docker) return docker;
  const { DOCKER_HOST } = process.env;
  const where = DOCKER_HOST ? `at DOCKER_HOST, ${DOCKER_HOST}` : 'at its socket';
  if (runtime === 'docker') {
    const detail = `SANDPLANE_RUNTIME is docker, but no Docker daemon answers ${where} (${reason}). Is it running?`;
    throw new AppError('config_invalid', detail);
  }
  // Most machines have no Docker; who names a daemon has one, and may look for the reason.
  if (DOCKER_HOST) logger.warn({ reason }, `no Docker daemon answers ${where}: the runtime docker is not offered`);
  return null;
}
