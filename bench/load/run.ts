import { createCleanup } from '../cleanup.ts';
import { machineFacts } from '../machine.ts';
import { median } from '../statistics.ts';
import { measureCreate, measureGet } from './accept.ts';
import { measureFairness } from './fairness.ts';
import { createAtRate } from './pace.ts';
import { startProcesses } from './processes.ts';

const rounds = 5;
const seconds = 4;
const warmUpSeconds = 8;
const startMs = 500;

/** Requests per second against a bare Fastify, latency at half the load, and what a flood does to others. */
async function main(): Promise<void> {
  const cleanup = createCleanup();
  try {
    const up = await startProcesses(cleanup, { startMs, slots: 2 });
    // Before anything waits to be started.
    const get = await measureGet(up, rounds, seconds);
    const fairness = await measureFairness(up, rounds);
    const create = await measureCreate(up, rounds, seconds);
    await cleanup.run();
    const p99s = await measureLatency(Math.round(median(create.service) / 2));
    process.stdout.write(
      `${JSON.stringify({ machine: await machineFacts(), fairness, get, create, p99s }, null, 2)}\n\n`,
    );
    const line = (text: string, value: number, wanted: string) =>
      process.stdout.write(`${text.padEnd(52)} ${value.toFixed(2).padStart(8)}   wanted: ${wanted}\n`);
    line('GET against bare Fastify, ratio of the medians', get.ratio, '>= 0.7');
    line('POST against bare Fastify, ratio of the medians', create.ratio, '>= 0.6');
    line('POST at half that load, p99 in ms, median of rounds', median(p99s), '<= 25');
    line('one create in a flood of 1,000 against alone', fairness.ratio, '<= 2');
  } finally {
    await cleanup.run();
  }
}

/**
 * The p99 of each round, in ms. On a store of its own: the one before holds more waiting sandboxes by then than a day
 * brings. It begins when V8 has compiled what is hot: until then, on two cores, its compiler is what requests wait for.
 */
async function measureLatency(perSecond: number): Promise<readonly number[]> {
  const cleanup = createCleanup();
  try {
    const up = await startProcesses(cleanup, { startMs, slots: 2 });
    await createAtRate(up, perSecond, warmUpSeconds);
    const p99s: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const latencies = await createAtRate(up, perSecond, seconds);
      p99s.push(latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN);
    }
    return p99s;
  } finally {
    await cleanup.run();
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
process.exit();
