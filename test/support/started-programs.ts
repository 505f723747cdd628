import path from 'node:path';
import { commandOf, findProcesses, type ProcessFacts } from '../../src/runtime/process-identity.ts';
import { redisSocketIn } from '../../src/start/embedded-redis.ts';
import { findRedisServer } from '../../src/start/redis-server.ts';

const components = ['etcd', 'kube-apiserver'];

/**
 * What a service has started and keeps running, by the names of the programs, in their order: the components of its sandboxes,
 * and its Redis. Those of a template in the making end by themselves, and may be below the data folder, too.
 */
export async function startedPrograms(dataDir: string): Promise<[name: string, pid: number][]> {
  const found = await findProcesses(`${path.join(dataDir, 'sandboxes')}/`);
  const ofSandboxes = found.filter(({ commandLine }) => components.includes(commandOf(commandLine)));
  const redis = await findRedisServer(redisSocketIn(dataDir));
  const all: ProcessFacts[] = redis ? [...ofSandboxes, redis] : ofSandboxes;
  return all.map(({ pid, commandLine }): [string, number] => [commandOf(commandLine), pid]).sort();
}
