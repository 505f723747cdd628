import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runBenchmark } from './benchmark.ts';
import type { Cleanup } from './cleanup.ts';
import { measureEight } from './eight.ts';
import { measureIdle, memoryOf } from './idle.ts';
import { interleaved } from './interleaved.ts';
import { machineFacts } from './machine.ts';
import { type Options, readOptions } from './options.ts';
import { progress } from './progress.ts';
import { judge, type Results, summarize } from './results.ts';
import { type Bench, setUp } from './set-up.ts';
import { tables } from './tables.ts';

/** Measures, prints the tables and stores the figures in a file. */
async function main(cleanup: Cleanup, signal: AbortSignal): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const machine = await machineFacts();
  const wanted = { docker: options.only.has('docker'), dockerRequired: options.dockerRequired };
  const bench = await setUp(wanted, cleanup, signal);
  const measured = await measure(options, bench, signal);
  const at = new Date().toISOString();
  const results = { at, machine, serviceStartMs: bench.service.startMs, ...measured, targets: judge(measured) };
  process.stdout.write(`\n${tables(results)}`);
  progress(`\nkept in ${await keep(results)}`);
}

async function measure({ only, n, eightRounds, idleSeconds }: Options, { service, kinds }: Bench, signal: AbortSignal) {
  const { rest, bare, template, docker } = kinds;
  const memoryBefore = await memoryOf(service.pids);
  const inTurn = only.has('process') ? [rest, bare, template] : docker ? [bare] : [];
  if (docker) inTurn.push(docker);
  const measured = await interleaved(inTurn, n, signal);
  // A round that is not counted, unless both kinds have run already.
  if (only.has('eight') && !only.has('process')) await interleaved([rest, template], 0, signal);
  const eight = only.has('eight') ? await measureEight(kinds, eightRounds, signal) : null;
  const idle = only.has('idle') ? await measureIdle(service, memoryBefore, rest, idleSeconds, signal) : null;
  return { ...summarize(measured), eight, idle };
}

/** Writes the results to a file and returns its path. */
async function keep(results: Results): Promise<string> {
  const dir = path.join(import.meta.dirname, 'results');
  await mkdir(dir, { recursive: true });
  const file = path.join(dir, `${results.at.replaceAll(':', '-')}.json`);
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  return path.relative(process.cwd(), file);
}

await runBenchmark(main);
