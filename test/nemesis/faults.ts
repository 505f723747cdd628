import { findProcesses, type ProcessIdentity } from '../../src/runtime/process-identity.ts';
import { redisSocketIn } from '../../src/start/embedded-redis.ts';
import { findRedisServer } from '../../src/start/redis-server.ts';
import type { Hit, Machine, Strike } from './machine.ts';
import type { Random } from './random.ts';
import type { Service } from './service.ts';
import { freeze, identityOf, killAll } from './signals.ts';
import { flushQueues } from './store.ts';

type Faults = Readonly<Record<string, readonly [weight: number, Strike]>>;

/** Those of the service itself and of its Redis, and those of the machine. */
export function allFaults(dataDir: string, service: Service, machine: Machine): Faults {
  const serviceProcess = async () => await identityOf(service.pid());
  const serviceToKill = async () => {
    const one = await serviceProcess();
    if (one) service.willKill(one.pid);
    return one;
  };
  const redisProcess = async () => await findRedis(dataDir);
  const kill = (name: string, find: () => Promise<ProcessIdentity | null>): Strike =>
    async function killOne() {
      const one = await find();
      if (one) await killAll([one]);
      return one && { what: `SIGKILL to ${name}` };
    };
  const stop = (name: string, find: () => Promise<ProcessIdentity | null>): Strike =>
    async function stopOne(random: Random) {
      const one = await find();
      return one && { what: `SIGSTOP for ${await freeze(one, random)} s of ${name}` };
    };
  /** As when the machine loses its power: all processes at once. */
  async function reboot(): Promise<Hit> {
    const found = await findProcesses(`${dataDir}/`);
    const own = await serviceToKill();
    await killAll(own ? [own, ...found] : found);
    return { what: `SIGKILL to everything (${found.length + 1} processes)` };
  }
  return {
    'kill-service': [3, kill('the service', serviceToKill)],
    'kill-redis': [2, kill('Redis', redisProcess)],
    'freeze-service': [2, stop('the service', serviceProcess)],
    'freeze-redis': [2, stop('Redis', redisProcess)],
    reboot: [1, reboot],
    'flush-queues': [2, () => flushQueues(dataDir)],
    ...machine.faults,
  };
}

export async function findRedis(dataDir: string): Promise<ProcessIdentity | null> {
  return await findRedisServer(redisSocketIn(dataDir));
}
