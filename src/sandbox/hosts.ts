import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { aliveHosts, reportHost } from '../redis/calls/hosts.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { VersionReport } from '../schemas/version.ts';

/** What the disk of a host's data folder has, and what is kept free of it, in MiB. */
export interface DiskReport {
  readonly freeMiB: number;
  readonly reserveMiB: number;
}

/** What a worker reports about its host. */
export interface HostReport {
  readonly name: string;
  readonly runtimes: readonly string[];
  /** Those that do not answer now; older workers do not say. */
  readonly away?: readonly string[];
  readonly defaultRuntime: string;
  readonly versions: readonly VersionReport[];
  readonly disk: DiskReport;
}

/** How long a report counts. */
export const aliveForMs = 15_000;

export type Hosts = ReturnType<typeof createHosts>;

/** The hosts, as their workers report them. */
export function createHosts({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  /** The hosts that reported in the last 15 s, sorted by name. */
  async function alive(): Promise<HostReport[]> {
    const reports = await aliveHosts(redis, { keys: { hosts: keys.hosts }, aliveForMs });
    return reports.map((text) => JSON.parse(text) as HostReport).sort((a, b) => a.name.localeCompare(b.name));
  }

  /** A write of nothing: it throws the reason of a store that only answers reads, as while its disk is full. */
  async function throwIfRefusesWrites(): Promise<void> {
    await redis.hdel(keys.hosts, '');
  }

  return {
    alive,
    throwIfRefusesWrites,
    async report(report: HostReport): Promise<void> {
      await reportHost(redis, { keys: { hosts: keys.hosts }, name: report.name, report: JSON.stringify(report) });
    },
    async retire(name: string): Promise<void> {
      await redis.hdel(keys.hosts, name);
    },
    /** The names of all hosts that ever had a worker. */
    async known(): Promise<string[]> {
      return await redis.hkeys(keys.serviceIds);
    },
    /** Whether a host other than this one can start a sandbox of the runtime now: it answers there, and there is room. */
    async canStartElsewhere(runtime: string, name: string): Promise<boolean> {
      const others = (await alive()).filter((report) => report.name !== name);
      return others.some(
        ({ runtimes, away, disk }) => runtimes.includes(runtime) && !away?.includes(runtime) && hasRoom(disk),
      );
    },
    /** Whether a worker serves the host now: then it holds the host's lease. */
    async isServed(name: string): Promise<boolean> {
      return (await redis.exists(keys.hostLease(name))) === 1;
    },
    /** The runtime that a new sandbox gets. Throws `no_worker` when no host offers it, `disk_full` when none of these has room. */
    async runtimeFor(wanted: string | undefined): Promise<string> {
      const reports = await alive();
      const offering = reports.filter((report) => wanted === undefined || report.runtimes.includes(wanted));
      const found = offering.find(({ disk }) => hasRoom(disk));
      if (found) return wanted ?? found.defaultRuntime;
      if (offering.length > 0) throw diskFull(offering);
      // A store that takes no writes has no reports either.
      await throwIfRefusesWrites();
      const offered = [...new Set(reports.flatMap((report) => report.runtimes))];
      const detail = wanted
        ? `No worker offers the runtime ${wanted} now; offered: ${offered.join(', ') || 'none'}.`
        : 'No worker is running. Start one (npm start, or npm run worker) and try again.';
      throw new AppError('no_worker', detail, { retryAfterSeconds: 5 });
    },
  };
}

/** Whether more may go onto the disk. */
export function hasRoom({ freeMiB, reserveMiB }: DiskReport): boolean {
  return freeMiB >= reserveMiB;
}

function diskFull(reports: readonly HostReport[]): AppError {
  const hosts = reports.map(({ name, disk }) => `${name} has ${disk.freeMiB} MiB free and keeps ${disk.reserveMiB}`);
  const detail = `There is no room for another sandbox: ${hosts.join('; ')} (SANDPLANE_DISK_RESERVE_MIB). Delete some, or make room on the disk of the data folder.`;
  return new AppError('disk_full', detail, { retryAfterSeconds: 5 });
}
