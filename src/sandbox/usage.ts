import type { Redis } from 'ioredis';
import { invalidField } from '../errors.ts';
import { dayUsageFields, projectFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { UsageReport } from '../schemas/usage.ts';

const dayMs = 86_400_000;
const maxDays = 366;
/** The counter of the whole project; all others are `label=value`. */
const whole = '';

interface Counter {
  sandboxSeconds: number;
  peak: number;
}

/** The usage counters that a sandbox is counted in beside its project's, as JSON: one for each of its labels. */
export function usageNames(sandbox: Sandbox): string {
  const labels = Object.entries(sandbox.labels).map(([key, value]) => `${key}=${value}`);
  return JSON.stringify(labels.sort());
}

/** The first and the last day of a report, in UTC and both included, as `2026-11-23`. */
export interface UsageQuery {
  /** Default: the first day of the month of `to`. */
  readonly from?: string;
  /** Default: today. */
  readonly to?: string;
}

export type Usage = ReturnType<typeof createUsage>;

/** Reports sandbox-seconds and peaks of a project, by label. Throws `validation_failed` when `from` is after `to` or too long before it. */
export function createUsage({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  return async function read(project: string, query: UsageQuery): Promise<UsageReport> {
    const now = Date.now();
    const days = daysOf(query);
    const pipeline = redis.pipeline();
    pipeline.hgetall(keys.usageNow(project));
    pipeline.hget(keys.project(project), projectFields.usage);
    for (const day of days) pipeline.hgetall(keys.usageOfDay(project, day));
    const rows = (await pipeline.exec()) ?? [];
    const [running, total, ...perDay] = rows.map(([error, reply]) => {
      if (error) throw error;
      return reply;
    }) as [Record<string, string>, string | null, ...Record<string, string>[]];
    const counters = new Map<string, Counter>();
    for (const fields of perDay) addDay(counters, fields);
    for (const [name, text] of Object.entries(running)) addRunning(counters, name, text, days, now);
    if (total) addRunning(counters, whole, total, days, now);
    const sum = counters.get(whole) ?? { sandboxSeconds: 0, peak: 0 };
    const labels = [...counters].filter(([name]) => name !== whole).sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      project,
      from: new Date((days[0] ?? 0) * dayMs).toISOString(),
      to: new Date(((days.at(-1) ?? 0) + 1) * dayMs).toISOString(),
      total: rounded(sum),
      labels: labels.map(([label, counter]) => ({ label, ...rounded(counter) })),
    };
  };
}

/** The days as numbers since 1970. */
function daysOf(query: UsageQuery): number[] {
  const to = query.to ? new Date(query.to) : new Date();
  const from = query.from ? new Date(query.from) : new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth(), 1));
  if (from > to) throw invalidField('#query/from', 'must not be after `to`');
  if (to.getTime() - from.getTime() > maxDays * dayMs) {
    throw invalidField('#query/from', `must be at most ${maxDays} days before \`to\``);
  }
  const first = Math.floor(from.getTime() / dayMs);
  const last = Math.floor(to.getTime() / dayMs);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function counterOf(counters: Map<string, Counter>, name: string): Counter {
  const known = counters.get(name) ?? { sandboxSeconds: 0, peak: 0 };
  counters.set(name, known);
  return known;
}

function addDay(counters: Map<string, Counter>, fields: Record<string, string>): void {
  for (const [field, text] of Object.entries(fields)) {
    const at = field.indexOf(':');
    const counter = counterOf(counters, field.slice(at + 1));
    if (field.startsWith(dayUsageFields.ms(''))) counter.sandboxSeconds += Number(text) / 1000;
    else counter.peak = Math.max(counter.peak, Number(text));
  }
}

/** Adds a counter of what runs now, `count:since:ms:peak`, and what it has come to since `since`, over all days. */
function addRunning(counters: Map<string, Counter>, name: string, text: string, days: number[], now: number): void {
  const [count = 0, since = now, ms = 0, peak = 0] = text.split(':').map(Number);
  const [firstDay = 0, lastDay = 0] = [days[0], days.at(-1)];
  const dayOfSince = Math.floor(since / dayMs);
  const counter = counterOf(counters, name);
  if (dayOfSince >= firstDay && dayOfSince <= lastDay) {
    counter.sandboxSeconds += ms / 1000;
    counter.peak = Math.max(counter.peak, peak);
  }
  const begin = Math.max(since, firstDay * dayMs);
  const end = Math.min(now, (lastDay + 1) * dayMs);
  if (end <= begin) return;
  counter.sandboxSeconds += (count * (end - begin)) / 1000;
  counter.peak = Math.max(counter.peak, count);
}

function rounded({ sandboxSeconds, peak }: Counter): Counter {
  return { sandboxSeconds: Math.round(sandboxSeconds * 1000) / 1000, peak };
}
