import { runBenchmark } from '../benchmark.ts';
import type { Cleanup } from '../cleanup.ts';
import { printFigure } from '../figure.ts';
import { machineFacts } from '../machine.ts';
import { median } from '../statistics.ts';
import { measureCreate, measureGet } from './accept.ts';
import { measureFairness } from './fairness.ts';
import { connect, postAtRate } from './pace.ts';
import { type LoadSetUp, startProcesses } from './processes.ts';

const rounds = 15;
const seconds = 2;
const latencyRounds = 9;
const latencySeconds = 3;
const fairnessRounds = 5;
/** Of service and baseline. After only 8 s, the first round of either still had a p99 of 170 to 340 ms. */
const warmUpSeconds = 20;
const startMs = 500;

/**
 * Requests per second beside a bare Fastify, latency at half that load, and what the flood of one project does to
 * others.
 */
async function main(cleanup: Cleanup): Promise<void> {
  const up = await startProcesses(cleanup, { startMs, slots: 2 });
  // First, while no sandbox waits to be started.
  const get = await measureGet(up, rounds, seconds);
  const fairness = await measureFairness(up, fairnessRounds);
  const create = await measureCreate(up, rounds, seconds);
  // The latency is measured on a Redis of its own, as this one holds more waiting sandboxes now than a day would bring.
  await cleanup.run();
  const p99s = await measureLatency(
    await startProcesses(cleanup, { startMs, slots: 2 }),
    Math.round(median(create.service) / 2),
  );
  process.stdout.write(
    `${JSON.stringify({ machine: await machineFacts(), fairness, get, create, p99s }, null, 2)}\n\n`,
  );
  printFigure('GET against bare Fastify, median of the ratios', get.ratio, '>= 0.7');
  printFigure('POST against bare Fastify, median of the ratios', create.ratio, '>= 0.6');
  printFigure('POST at half that load, p99 in ms, median of rounds', median(p99s.service), '<= 25');
  printFigure('  the same of the bare Fastify at the same rate', median(p99s.baseline), 'for comparison');
  printFigure('one create in a flood of 1,000 against alone', fairness.ratio, '<= 2');
}

/**
 * The p99 of each round in ms, of the service and of the baseline at the same rate. The warm-up is long: on two cores,
 * requests wait for the compiler of V8 until it has compiled the code that runs most.
 */
async function measureLatency({ service, baseline, headers }: LoadSetUp, perSecond: number) {
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
}

await runBenchmark(main);
