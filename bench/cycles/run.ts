import { Redis } from 'ioredis';
import { redisSocketIn } from '../../src/start/embedded-redis.ts';
import { runBenchmark } from '../benchmark.ts';
import type { Cleanup } from '../cleanup.ts';
import { machineFacts, machineLine } from '../machine.ts';
import { progress } from '../progress.ts';
import { removeService, type ServiceOptions, startService } from '../service.ts';
import { makeServiceFolder, obtainBinaries } from '../service-folder.ts';
import { templateMade } from '../set-up.ts';
import { makeAndDelete } from './cycle.ts';
import { type CyclesOptions, readOptions } from './options.ts';
import { growth, type Stage, tableOf } from './result.ts';
import { stateAtRest, type Watched } from './state.ts';

/** So many at a time: processes take a core each while they start. */
const atOnce = { fake: 8, process: 2 };

/** Whether anything is left of sandboxes that were made and deleted, again and again. */
async function main(cleanup: Cleanup, signal: AbortSignal): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const machine = await machineFacts();
  const watched = await setUp(options, cleanup, signal);
  const stages = await measure(options, watched, signal);
  process.stdout.write(`\n${machineLine(machine)}\n\n${tableOf(options, stages)}\n`);
  const grown = growth(stages);
  for (const line of grown) process.stdout.write(`GROWN: ${line}\n`);
  if (grown.length > 0) process.exitCode = 1;
}

async function setUp({ runtime }: CyclesOptions, cleanup: Cleanup, signal: AbortSignal): Promise<Watched> {
  const binaries = runtime === 'process' ? await obtainBinaries(signal) : null;
  const { options: folders } = await makeServiceFolder(cleanup, binaries);
  const options: ServiceOptions = {
    ...folders,
    // So high that no create is refused.
    settings: { SANDPLANE_RATE_LIMIT: '1000000000', SANDPLANE_QUOTA_STARTS_PER_MINUTE: '1000000000' },
    ...(binaries ? {} : { program: 'bench/cycles/fake-service.ts' }),
  };
  const service = await startService(options, (child) => cleanup.add(() => removeService(options, child)));
  if (binaries) await templateMade(options.cacheDir, signal);
  const redis = new Redis(redisSocketIn(options.dataDir));
  cleanup.add(() => redis.disconnect());
  return { service, redis, ...folders };
}

async function measure({ runtime, n }: CyclesOptions, watched: Watched, signal: AbortSignal): Promise<Stage[]> {
  const stages: Stage[] = [];
  let done = 0;
  for (const upTo of [Math.round(n / 10), Math.round(n / 2), n]) {
    await makeAndDelete(watched.service, { count: upTo - done, atOnce: atOnce[runtime], signal });
    done = upTo;
    progress(`${runtime}  ${done}/${n} made and deleted`);
    stages.push({ cycles: done, state: await stateAtRest(watched, signal) });
  }
  return stages;
}

await runBenchmark(main);
