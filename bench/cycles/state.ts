import { readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { ifThere } from '../../src/runtime/if-there.ts';
import { findProcesses } from '../../src/runtime/process-identity.ts';
import { usersFolder } from '../../src/runtime/user-ids.ts';
import { memoryMb } from '../proc.ts';
import type { Service } from '../service.ts';
import { type Counts, countByKind, leastOf } from './counts.ts';
import { readRedis } from './redis-state.ts';

const samples = 10;
const everyMs = 1000;
/** What the service writes to its log, and Redis to its disk, is bounded by rotation and not by sandboxes. */
const ownFolders = ['logs', 'redis'];

/** What a service has, and what that takes. */
export interface State {
  /** Must not grow: how many there are, of each kind. */
  readonly counted: Readonly<Record<string, Counts>>;
  /** In MB. */
  readonly memory: Readonly<Record<string, number>>;
}

export interface Watched {
  readonly service: Service;
  readonly redis: Redis;
  readonly dataDir: string;
  readonly cacheDir: string;
}

/**
 * The state of a service that has nothing to do. Connections, locks and jobs of its sweeps come and go: of several looks it
 * is the least of each.
 */
export async function stateAtRest(watched: Watched, signal: AbortSignal): Promise<State> {
  let least = await look(watched);
  for (let sample = 1; sample < samples; sample += 1) {
    await delay(everyMs, undefined, { signal });
    const next = await look(watched);
    const counted = Object.entries(next.counted).map(([name, counts]) => [
      name,
      leastOf(counts, least.counted[name] ?? new Map()),
    ]);
    const memory = Object.entries(next.memory).map(([name, mb]) => [name, Math.min(mb, least.memory[name] ?? mb)]);
    least = { counted: Object.fromEntries(counted), memory: Object.fromEntries(memory) };
  }
  return least;
}

async function look({ service, redis, dataDir, cacheDir }: Watched): Promise<State> {
  const { pids } = service;
  const { keys, members, leasedPorts, usedMb, keptMb } = await readRedis(redis);
  const running = await findProcesses(`${path.dirname(dataDir)}/`);
  return {
    counted: {
      'descriptors of the service': await descriptorsOf(pids.service),
      'keys in Redis': keys,
      'members of these': members,
      'leased ports': leasedPorts,
      'files and folders': await filesIn([dataDir, cacheDir]),
      'user ids': await userIdsOf(dataDir),
      processes: countByKind(running.map(({ commandLine }) => commandLine.split(' ')[0] ?? '')),
    },
    memory: {
      'resident, service': (await memoryMb(pids.service)).rss,
      'resident, Redis': (await memoryMb(pids.redis)).rss,
      'used by Redis': usedMb,
      'used by Redis for what it keeps': keptMb,
    },
  };
}

async function descriptorsOf(pid: number): Promise<Counts> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder);
  // One that was closed meanwhile is none.
  const targets = await Promise.all(names.map((name) => ifThere(readlink(path.join(folder, name)))));
  return countByKind(targets.filter((target) => target !== null).map((target) => target.replace(/\[\d+\]$/, '')));
}

async function filesIn(folders: readonly string[]): Promise<Counts> {
  const found = await Promise.all(folders.map((folder) => ifThere(readdir(folder, { recursive: true }))));
  const names = found.flatMap((below) => below ?? []);
  return countByKind(names.filter((name) => !ownFolders.includes(name.split(path.sep)[0] ?? '')));
}

/** Those of sandboxes of this service: all services of a machine have theirs in one folder. */
async function userIdsOf(dataDir: string): Promise<Counts> {
  const ids = ((await ifThere(readdir(usersFolder))) ?? []).filter((name) => /^\d+$/.test(name));
  const owners = await Promise.all(ids.map((id) => ifThere(readlink(path.join(usersFolder, id)))));
  return countByKind(owners.filter((owner) => owner?.startsWith(dataDir)).map(() => 'user'));
}
