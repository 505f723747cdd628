import { findProcesses, type ProcessIdentity } from '../../src/runtime/process-identity.ts';
import { redisSocketIn } from '../../src/start/embedded-redis.ts';
import { findRedisServer } from '../../src/start/redis-server.ts';
import type { SmallDisk } from '../support/small-disk.ts';
import type { Lasting } from './lasting.ts';
import type { Hit, Machine, Strike } from './machine.ts';
import { fillDisk, takePorts } from './machine-faults.ts';
import type { Problem } from './model.ts';
import type { Random } from './random.ts';
import { strikeSecond } from './second-service.ts';
import type { Kept } from './service.ts';
import { freeze, identityOf, killAll } from './signals.ts';
import type { Site } from './site.ts';
import { flushQueues } from './store.ts';

type Find = (random: Random) => Promise<ProcessIdentity | null>;
type Faults = Readonly<Record<string, readonly [weight: number, Strike]>>;

interface World {
  readonly dataDir: string;
  readonly site: Site;
  readonly machine: Machine;
  /** The first and the last port for sandboxes. */
  readonly ports: readonly [number, number];
  /** That of the data folder; null: it has none of its own. */
  readonly disk: SmallDisk | null;
  readonly lasting: Lasting;
  found(problem: Problem): void;
}

/** Those of the service itself and of its Redis, those of the machine, and those of its sandboxes. */
export function allFaults({ dataDir, site, machine, ports, disk, lasting, found }: World): Faults {
  const { service, workers, startSecond } = site;
  const processOf = async (kept: Kept | undefined) => await identityOf(kept?.pid());
  const toKill = async (kept: Kept | undefined) => {
    const one = await processOf(kept);
    if (one) kept?.willKill(one.pid);
    return one;
  };
  const redisProcess = async () => await findRedis(dataDir);
  const kill = (name: string, find: Find): Strike =>
    async function killOne(random) {
      const one = await find(random);
      if (one) await killAll([one]);
      return one && { what: `SIGKILL to ${name}` };
    };
  const stop = (name: string, find: Find): Strike =>
    async function stopOne(random: Random) {
      const one = await find(random);
      return one && { what: `SIGSTOP for ${await freeze(one, random)} s of ${name}` };
    };
  /** As when the machine loses its power: all processes at once. */
  async function reboot(): Promise<Hit> {
    const found = await findProcesses(`${dataDir}/`);
    const own = await Promise.all([service, ...workers].map(toKill));
    const all = [...own.filter((one) => one !== null), ...found];
    await killAll(all);
    return { what: `SIGKILL to everything (${all.length} processes)` };
  }
  const workerFaults: Faults = {
    'kill-worker': [4, kill('a worker', (random) => toKill(random.pick(workers)))],
    'freeze-worker': [3, stop('a worker', (random) => processOf(random.pick(workers)))],
  };
  return {
    'kill-service': [3, kill('the service', () => toKill(service))],
    'kill-redis': [2, kill('Redis', redisProcess)],
    'freeze-service': [2, stop('the service', () => processOf(service))],
    'freeze-redis': [2, stop('Redis', redisProcess)],
    reboot: [1, reboot],
    'flush-queues': [2, () => flushQueues(dataDir)],
    ...(startSecond ? { 'second-service': [2, () => strikeSecond(startSecond, service, found)] as const } : {}),
    ...(workers.length > 0 ? workerFaults : {}),
    'take-port': [2, takePorts(ports, lasting)],
    ...(disk ? { 'fill-disk': [2, fillDisk(disk, lasting)] as const } : {}),
    ...machine.faults,
  };
}

export async function findRedis(dataDir: string): Promise<ProcessIdentity | null> {
  return await findRedisServer(redisSocketIn(dataDir));
}
