import { createCleanup } from '../cleanup.ts';
import { printFigure } from '../figure.ts';
import { machineFacts } from '../machine.ts';
import { median } from '../statistics.ts';
import { measureCreate, measureGet } from './accept.ts';
import { measureFairness } from './fairness.ts';
import { connect, postAtRate } from './pace.ts';
import { startProcesses } from './processes.ts';

const rounds = 15;
const seconds = 2;
const latencyRounds = 9;
const latencySeconds = 3;
const fairnessRounds = 5;
/** At this rate, of both: after 8 s, the first round of either still had a p99 of 170 to 340 ms. */
const warmUpSeconds = 20;
const startMs = 500;

/** Requests per second against a bare Fastify, latency at half the load, and what a flood does to others. */
async function main(): Promise<void> {
  const cleanup = createCleanup();
  try {
    const up = await startProcesses(cleanup, { startMs, slots: 2 });
    // Before anything waits to be started.
    const get = await measureGet(up, rounds, seconds);
    const fairness = await measureFairness(up, fairnessRounds);
    const create = await measureCreate(up, rounds, seconds);
    await cleanup.run();
    const p99s = await measureLatency(Math.round(median(create.service) / 2));
    process.stdout.write(
      `${JSON.stringify({ machine: await machineFacts(), fairness, get, create, p99s }, null, 2)}\n\n`,
    );
    printFigure('GET against bare Fastify, median of the ratios', get.ratio, '>= 0.7');
    printFigure('POST against bare Fastify, median of the ratios', create.ratio, '>= 0.6');
    printFigure('POST at half that load, p99 in ms, median of rounds', median(p99s.service), '<= 25');
    printFigure('  the same of the bare Fastify at the same rate', median(p99s.baseline), 'for comparison');
    printFigure('one create in a flood of 1,000 against alone', fairness.ratio, '<= 2');
  } finally {
    await cleanup.run();
  }
}

/**
 * The p99 of each round in ms, of the service and of the baseline at the same rate. On a store of its own: the one before
 * holds more waiting sandboxes by then than a day brings. It begins when V8 has compiled what is hot: until then, on two
 * cores, its compiler is what requests wait for.
 */
async function measureLatency(perSecond: number): Promise<{ service: number[]; baseline: number[] }> {
  const cleanup = createCleanup();
  try {
    const { service, baseline, headers } = await startProcesses(cleanup, { startMs, slots: 2 });
    const targets = {
      service: { pool: connect(service), path: '/v1/sandboxes', headers },
      baseline: { pool: connect(baseline), path: '/things', headers },
    };
    for (const target of Object.values(targets)) await postAtRate(target, perSecond, warmUpSeconds);
    const p99s = { service: [] as number[], baseline: [] as number[] };
    for (let round = 0; round < latencyRounds; round += 1) {
      for (const name of ['service', 'baseline'] as const) {
        const latencies = await postAtRate(targets[name], perSecond, latencySeconds);
        p99s[name].push(latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN);
      }
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
