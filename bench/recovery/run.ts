import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { mountSmallDisk } from '../../test/support/small-disk.ts';
import { runBenchmark } from '../benchmark.ts';
import type { Cleanup } from '../cleanup.ts';
import { machineFacts } from '../machine.ts';
import { progress } from '../progress.ts';
import { makeServiceFolder, obtainBinaries } from '../service-folder.ts';
import { templateMade } from '../set-up.ts';
import { acceptedThenReady, type Stages } from './accepted-then-ready.ts';
import { measureDisk } from './disk.ts';
import { printPair, wantedSeconds } from './figures.ts';
import { startHosts } from './hosts.ts';
import { type Killable, startKillable } from './killable.ts';
import { type Options, readOptions } from './options.ts';
import { measureRestart } from './restart.ts';
import { measureTakeover } from './takeover.ts';

const smallDiskMiB = 700;

/** How long it takes until work goes on after a fault, with real sandboxes. */
async function main(cleanup: Cleanup, signal: AbortSignal): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const machine = await machineFacts();
  const results = await measure(options, cleanup, signal);
  process.stdout.write(`${JSON.stringify({ machine, seed: options.seed, results }, null, 2)}\n\n`);
  const { restart, takeover, redis, disk } = results;
  if (restart) printPair('service killed, until all is finished', restart.finished, wantedSeconds.restart);
  if (restart) printPair('  of that until it listens', { recovery: restart.upMs, baseline: [] });
  if (takeover) printPair('worker killed, until the other is done', takeover, wantedSeconds.takeover);
  if (redis) printStages('Redis killed', redis, wantedSeconds.redis);
  if (disk) printStages('disk freed', disk, wantedSeconds.disk);
}

async function measure({ only, n, roundsOfOthers, seed }: Options, cleanup: Cleanup, signal: AbortSignal) {
  const usual = only.has('restart') || only.has('redis') ? await startUsual(cleanup, signal) : null;
  const restart = only.has('restart') && usual ? await measureRestart(usual, n, seed) : null;
  const redis = only.has('redis') && usual ? await measureRedis(usual, roundsOfOthers) : null;
  // Of the parts before, nothing is left running.
  await cleanup.run();
  const takeover = only.has('takeover')
    ? await measureTakeover(await startHosts(cleanup, signal), roundsOfOthers)
    : null;
  await cleanup.run();
  const disk = only.has('disk') ? await measureOnSmallDisk(roundsOfOthers, cleanup, signal) : null;
  return { restart, takeover, redis, disk };
}

async function startUsual(cleanup: Cleanup, signal: AbortSignal): Promise<Killable> {
  const { options } = await makeServiceFolder(cleanup, await obtainBinaries(signal));
  const service = await startKillable(options, cleanup, signal);
  await templateMade(options.cacheDir, signal);
  return service;
}

async function measureRedis(service: Killable, rounds: number): Promise<Stages> {
  const tell = (ms: number) => progress(`Redis killed: ready after ${(ms / 1000).toFixed(2)} s`);
  return await acceptedThenReady(service, rounds, { fault: service.killRedis, tell });
}

async function measureOnSmallDisk(rounds: number, cleanup: Cleanup, signal: AbortSignal): Promise<Stages | null> {
  const { folder, options } = await makeServiceFolder(cleanup, await obtainBinaries(signal));
  await mkdir(options.dataDir);
  const disk = await mountSmallDisk(path.join(folder, 'disk'), options.dataDir, smallDiskMiB);
  if (!disk) progress('disk: left out, as no loop device can be mounted here');
  if (!disk) return null;
  cleanup.add(disk.unmount);
  const service = await startKillable(options, cleanup, signal);
  await templateMade(options.cacheDir, signal);
  return await measureDisk(service, disk, rounds);
}

function printStages(fault: string, { accepted, ready }: Stages, wanted: number): void {
  printPair(`${fault}, until a create is accepted`, accepted, wanted);
  printPair(`${fault}, until its sandbox is ready`, ready, wanted);
}

await runBenchmark(main);
