import path from 'node:path';
import type { Logger } from 'pino';
import { createComponents } from '../components/components.ts';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors.ts';
import { createPresence, givingUpWhenAway, type Presence } from '../reconcile/presence.ts';
import { createTemplates, removeAbandonedTemplates } from '../reconcile/templates.ts';
import type { HostRuntime } from '../reconcile/worker-context.ts';
import { addressesOfHost } from '../runtime/addresses.ts';
import { createDockerRuntime } from '../runtime/docker.ts';
import { type DockerDaemon, dockerDaemon } from '../runtime/docker-connection.ts';
import type { Runtime } from '../runtime/driver.ts';
import { createProcessRuntime, renewUsersOf } from '../runtime/process.ts';
import { userIdsFrom } from '../runtime/user-ids.ts';

const notMapped =
  'sandboxes of the process runtime share the user of the service: no user ids from SANDPLANE_UID_BASE on are mapped into this user namespace (/proc/self/uid_map)';

export type Runtimes = ReadonlyMap<string, HostRuntime>;

/** What the records of this host know. */
export interface KnownSandboxes {
  /** Whether there are sandboxes of this runtime here. */
  hasSandboxes(runtime: string): Promise<boolean>;
  /** Why a runtime that answers may not be used; null: it may. */
  refuse(name: string, runtime: Runtime): Promise<string | null>;
}

/**
 * Finds out what this host can run sandboxes with: processes always, containers where a Docker daemon answers, now or later.
 * The setting only says what those get that name no runtime. Throws `config_invalid` when that is not there and nothing waits
 * for it.
 */
export async function openRuntimes(
  config: Config,
  serviceId: string,
  known: KnownSandboxes,
  logger: Logger,
  signal: AbortSignal,
) {
  const daemon = findDocker(config, logger);
  const components = createComponents({
    config: config.components,
    cacheDir: config.cacheDir,
    ...(daemon ? { docker: daemon.docker } : {}),
    form: config.runtime === 'docker' ? 'image' : 'binary',
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
  if (daemon) {
    const { docker } = daemon;
    const { bindAddress } = config;
    const runtime = createDockerRuntime({ docker, owner: serviceId, bindAddress, imageOf: components.image });
    const presence = await openPresence({ config, daemon, runtime, known, logger });
    const [obtain, listenAddress] = [components.image, '0.0.0.0'];
    const present = givingUpWhenAway(runtime, presence);
    runtimes.set('docker', { runtime: present, obtain, listenAddress, ownAddresses: () => null, presence });
  }
  const templateFolder = path.join(config.cacheDir, 'templates');
  const runtimeAt = (root: string) => processAt(root, '127.0.0.1');
  await removeAbandonedTemplates({ folder: templateFolder, runtimeAt, logger });
  const templates = createTemplates({ folder: templateFolder, runtimeAt, logger, signal });
  return { runtimes, defaultRuntime: config.runtime, components, templates, docker: daemon?.docker ?? null };
}

/** Null when the settings of Docker name what cannot be read. */
function findDocker({ runtime }: Config, logger: Logger): DockerDaemon | null {
  try {
    return dockerDaemon();
  } catch (error) {
    missDocker(runtime, { where: 'as it is set', isNamed: true }, (error as Error).message, logger);
    return null;
  }
}

async function openPresence(given: {
  config: Config;
  daemon: DockerDaemon;
  runtime: Runtime;
  known: KnownSandboxes;
  logger: Logger;
}): Promise<Presence> {
  const { config, daemon, runtime, known, logger } = given;
  const hasSandboxes = (await daemon.ask()) !== null && (await known.hasSandboxes('docker'));
  const refuse = () => known.refuse('docker', runtime);
  const presence = createPresence({ name: 'docker', ask: daemon.ask, refuse, hasSandboxes, logger });
  const away = await presence.look();
  if (away !== null && !hasSandboxes) missDocker(config.runtime, daemon.address, away, logger);
  return presence;
}

function missDocker(
  defaultRuntime: string,
  { where, isNamed }: Pick<DockerDaemon['address'], 'where' | 'isNamed'>,
  reason: string,
  logger: Logger,
): void {
  if (defaultRuntime === 'docker') {
    const detail = `SANDPLANE_RUNTIME is docker, but no Docker daemon answers ${where} (${reason}). Is it running?`;
    throw new AppError('config_invalid', detail);
  }
  // Most machines have no Docker; who names a daemon has one, and may look for the reason.
  if (isNamed) logger.warn({ reason }, `no Docker daemon answers ${where}: the runtime docker is not offered yet`);
}
