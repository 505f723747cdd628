import { runBenchmark } from '../benchmark.ts';
import type { Cleanup } from '../cleanup.ts';
import { printFigure } from '../figure.ts';
import { machineFacts } from '../machine.ts';
import { median, p99 } from '../statistics.ts';
import { measureFairness } from './fairness.ts';
import { connect, postAtRate } from './pace.ts';
import { type LoadSetUp, startProcesses } from './processes.ts';

const createsPerSecond = 100;
const latencyRounds = 7;
const latencySeconds = 10;
const fairnessRounds = 5;
/** Of service and baseline. After only 8 s, the first round of either still had a p99 of 170 to 340 ms. */
const warmUpSeconds = 20;
const startMs = 500;

/** How long a create takes at an even rate, beside a bare Fastify, and what the flood of one project does to others. */
async function main(cleanup: Cleanup): Promise<void> {
  const fairness = await measureFairness(await startProcesses(cleanup, { startMs, slots: 2 }), fairnessRounds);
  // The latency is measured on a Redis of its own, as the first one holds a thousand waiting sandboxes now.
  await cleanup.run();
  const p99s = await measureLatency(await startProcesses(cleanup, { startMs, slots: 2 }));
  process.stdout.write(`${JSON.stringify({ machine: await machineFacts(), fairness, p99s }, null, 2)}\n\n`);
  printFigure('one create in a flood of 1,000 against alone', fairness.ratio, '<= 2');
  printFigure(`POST at ${createsPerSecond} a second, p99 in ms, median of rounds`, median(p99s.service), '<= 25');
  printFigure('  the same of the bare Fastify', median(p99s.baseline), 'for comparison');
}

/**
 * The p99 of each round in ms, of the service and of the baseline at the same rate. The warm-up is long: on two cores,
 * requests wait for the compiler of V8 until it has compiled the code that runs most.
 */
async function measureLatency({ service, baseline, headers }: LoadSetUp) {
  const targets = {
    service: { pool: connect(service), path: '/v1/sandboxes', headers },
    baseline: { pool: connect(baseline), path: '/things', headers },
  };
  for (const target of Object.values(targets)) await postAtRate(target, createsPerSecond, warmUpSeconds);
  const p99s = { service: [] as number[], baseline: [] as number[] };
  for (let round = 0; round < latencyRounds; round += 1) {
    for (const name of ['service', 'baseline'] as const) {
      const latencies = await postAtRate(targets[name], createsPerSecond, latencySeconds);
      p99s[name].push(p99(latencies));
    }
  }
  return p99s;
}

await runBenchmark(main);
