import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { VersionReport } from '../schemas/version.ts';

/** What a worker tells about its host. */
export interface HostReport {
  readonly name: string;
  readonly runtimes: readonly string[];
  readonly defaultRuntime: string;
  readonly versions: readonly VersionReport[];
  /** Epoch milliseconds. */
  readonly reportedAt: number;
}

const aliveForMs = 15_000;
/** What is older is asked for again. */
const freshForMs = 1000;
/** Until then, nobody waits for the answer. */
const usableForMs = 2000;

export type Hosts = ReturnType<typeof createHosts>;

export function createHosts({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  let cached: { at: number; reports: HostReport[] } | undefined;
  let renewing: Promise<HostReport[]> | undefined;

  async function alive(): Promise<HostReport[]> {
    const known = cached;
    const age = known ? performance.now() - known.at : Number.POSITIVE_INFINITY;
    if (known && age < freshForMs) return known.reports;
    renewing ??= read().finally(() => {
      renewing = undefined;
    });
    if (!known || age >= usableForMs) return await renewing;
    renewing.catch(() => undefined);
    return known.reports;
  }

  async function read(): Promise<HostReport[]> {
    const all = Object.values(await redis.hgetall(keys.hosts)).map((text) => JSON.parse(text) as HostReport);
    const reports = all
      .filter((report) => Date.now() - report.reportedAt < aliveForMs)
      .sort((a, b) => a.name.localeCompare(b.name));
    // Nothing is not worth remembering: a worker may just be starting.
    cached = reports.length > 0 ? { at: performance.now(), reports } : undefined;
    return reports;
  }

  return {
    alive,
    async report(report: HostReport): Promise<void> {
      await redis.hset(keys.hosts, report.name, JSON.stringify(report));
    },
    async retire(name: string): Promise<void> {
      await redis.hdel(keys.hosts, name);
    },
    /** A host for a new sandbox, and the runtime it gets there. Throws `no_worker`. */
    async place(wanted: string | undefined): Promise<{ host: string; runtime: string }> {
      const reports = await alive();
      const found = reports.find((report) => wanted === undefined || report.runtimes.includes(wanted));
      if (found) return { host: found.name, runtime: wanted ?? found.defaultRuntime };
      const offered = [...new Set(reports.flatMap((report) => report.runtimes))];
      const detail = wanted
        ? `No worker offers the runtime ${wanted} now; offered: ${offered.join(', ') || 'none'}.`
        : 'No worker is running. Start one (npm start, or npm run worker) and try again.';
      throw new AppError('no_worker', detail, { retryAfterSeconds: 5 });
    },
  };
}
