import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runBenchmark } from '../benchmark.ts';
import type { Cleanup } from '../cleanup.ts';
import { printFigure } from '../figure.ts';
import { startProcesses } from '../load/processes.ts';
import { machineFacts } from '../machine.ts';
import { median } from '../statistics.ts';
import { measureGet } from './get.ts';
import { measureWatch } from './watch.ts';

const rounds = 9;
const calls = 30_000;
const changes = 200;

/** gRPC beside REST: reads per second, and how long a watch takes to tell a change. */
async function main(cleanup: Cleanup): Promise<void> {
  const dir = await mkdtemp(path.join(tmpdir(), 'sp-grpc-'));
  cleanup.add(() => rm(dir, { recursive: true, force: true }));
  const up = await startProcesses(cleanup, { startMs: 500, slots: 2 });
  const watch = await measureWatch(up, changes);
  const get = await measureGet(up, dir, rounds, calls);
  process.stdout.write(`${JSON.stringify({ machine: await machineFacts(), get, watch }, null, 2)}\n\n`);
  printFigure('gRPC get against REST get, median of the ratios', get.ratio, 'for comparison');
  for (const [name, times] of Object.entries(watch)) {
    printFigure(`a change told by ${name}, median in ms`, median(times), '<= 50');
    printFigure(`a change told by ${name}, longest in ms`, Math.max(...times), '<= 50');
  }
}

await runBenchmark(main);
