import { setTimeout as delay } from 'node:timers/promises';
import { cpuSecondsOf, memoryMb } from './proc.ts';
import { progress } from './progress.ts';
import type { Service } from './service.ts';
import type { Kind, Start } from './start.ts';
import { median } from './statistics.ts';

const sandboxes = 10;
const settleMs = 10_000;

interface Memory {
  readonly rssMb: number;
  readonly pssMb: number;
}

export interface IdleResult {
  readonly sandboxes: number;
  readonly seconds: number;
  /** After the start, with a template made. `service` is API and worker in one process, `redis` its child. */
  readonly memoryBefore: Record<string, Memory>;
  readonly memoryWithSandboxes: Record<string, Memory>;
  /** Medians over the sandboxes. */
  readonly memoryOfSandbox: Record<string, Memory>;
  /** Percent of a core. */
  readonly cpuPercent: Record<string, number>;
}

/** Memory and CPU of a service that gets no requests and has ten sandboxes to look after. */
export async function measureIdle(
  service: Service,
  memoryBefore: Record<string, Memory>,
  rest: Kind,
  seconds: number,
  signal: AbortSignal,
): Promise<IdleResult> {
  const running: Start[] = [];
  try {
    for (let count = 1; count <= sandboxes; count += 1) {
      running.push(await rest.start(signal));
      progress(`idle  ${count}/${sandboxes} sandboxes`);
    }
    await delay(settleMs, undefined, { signal });
    progress(`idle  watching for ${seconds} s`);
    const cpuPercent = await cpuOver(seconds, service.pids, running, signal);
    return {
      sandboxes,
      seconds,
      memoryBefore,
      memoryWithSandboxes: await memoryOf(service.pids),
      memoryOfSandbox: await medianMemory(running),
      cpuPercent,
    };
  } finally {
    await Promise.all(running.map((start) => start.end()));
  }
}

async function cpuOver(
  seconds: number,
  pids: Service['pids'],
  running: readonly Start[],
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const watched: Record<string, number[]> = {
    service: [pids.service],
    redis: [pids.redis],
    'etcd, each': running.map((start) => start.pids.etcd ?? 0),
    'kube-apiserver, each': running.map((start) => start.pids['kube-apiserver'] ?? 0),
  };
  const used = () => Promise.all(Object.values(watched).map(sumOfCpu));
  const before = await used();
  const began = performance.now();
  await delay(seconds * 1000, undefined, { signal });
  const after = await used();
  const elapsed = (performance.now() - began) / 1000;
  return Object.fromEntries(
    Object.entries(watched).map(([name, group], index) => {
      const cpu = (after[index] ?? 0) - (before[index] ?? 0);
      return [name, (100 * cpu) / elapsed / group.length];
    }),
  );
}

async function sumOfCpu(pids: readonly number[]): Promise<number> {
  const seconds = Object.values(await cpuSecondsOf(Object.fromEntries(pids.entries())));
  return seconds.reduce((sum, one) => sum + one, 0);
}

export async function memoryOf(pids: Readonly<Record<string, number>>): Promise<Record<string, Memory>> {
  const each = Object.entries(pids).map(async ([name, pid]) => {
    const { rss, pss } = await memoryMb(pid);
    return [name, { rssMb: rss, pssMb: pss }] as const;
  });
  return Object.fromEntries(await Promise.all(each));
}

async function medianMemory(running: readonly Start[]): Promise<Record<string, Memory>> {
  const all = await Promise.all(running.map((start) => memoryOf(start.pids)));
  const names = Object.keys(all[0] ?? {});
  const of = (name: string, field: keyof Memory) => median(all.map((one) => one[name]?.[field] ?? Number.NaN));
  return Object.fromEntries(names.map((name) => [name, { rssMb: of(name, 'rssMb'), pssMb: of(name, 'pssMb') }]));
}
