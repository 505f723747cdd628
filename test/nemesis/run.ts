import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { temporaryFolder, testEnvironment } from '../support/service.ts';
import { findProblems } from './check.ts';
import { askOneSandbox, askService, type ClientWorld } from './clients.ts';
import { dockerMachine } from './docker.ts';
import { allFaults, findRedis } from './faults.ts';
import type { Machine } from './machine.ts';
import type { Model, Problem } from './model.ts';
import { processMachine } from './processes.ts';
import { createRandom, type Random } from './random.ts';
import { createApi } from './requests.ts';
import { findPorts, portSettings, type Service, startService } from './service.ts';
import { killAll } from './signals.ts';

/**
 * Lets clients and faults loose on a service that runs as a user's does, and looks at the machine when the last fault is
 * over: nothing that was acknowledged may be lost, nothing may be there twice, nothing that nobody owns. A seed draws the
 * same numbers again, and so much the same steps and faults: when they come, and what they meet, depends on the moment.
 */
const { values: given } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 100_000)) },
    runtime: { type: 'string', default: 'process' },
    minutes: { type: 'string', default: '2' },
    sandboxes: { type: 'string', default: '4' },
    /** Names of faults, separated by commas. */
    only: { type: 'string', default: '' },
    without: { type: 'string', default: '' },
    /** How long after the last fault everything may take, in seconds. */
    settle: { type: 'string', default: '60' },
  },
});
const seed = Number(given.seed);
let endAt = performance.now() + Number(given.minutes) * 60_000;
const mostSteps = 100_000;
// It ends early, but in order, however often it is asked.
process.on('SIGINT', () => {
  endAt = performance.now();
});

const dataDir = await temporaryFolder();
const firstPort = await findPorts(createRandom(seed + 1));
const env = {
  PATH: process.env.PATH ?? '',
  HOME: dataDir,
  ...testEnvironment(dataDir, {
    ...portSettings(firstPort),
    SANDPLANE_WORKER_NAME: 'nemesis',
    SANDPLANE_RUNTIME: given.runtime,
    SANDPLANE_SWEEP_INTERVAL_MS: '5000',
    SANDPLANE_STORE_TIMEOUT_MS: '1000',
    SANDPLANE_LOG_LEVEL: process.env.TEST_LOG ?? 'info',
  }),
};
const problems: Problem[] = [];
const model: Model = [];
let steps = 0;
let names = 0;
let faultsDone = 0;
const world: ClientWorld = {
  model,
  api: createApi(`http://127.0.0.1:${firstPort}`),
  mostSandboxes: Number(given.sandboxes),
  count: () => ++names,
  found,
};

say(`seed ${seed}, ${given.minutes} minutes, ${dataDir}`);
const machine = given.runtime === 'docker' ? await dockerMachine(dataDir) : processMachine(dataDir);
let service: Service | undefined;
try {
  service = await startService(env, createRandom(seed + 2), found);
  await run(machine, service);
} finally {
  await end(machine, service);
}
const counts = (['lost', 'twice', 'orphan'] as const).map((kind) => problems.filter((one) => one.kind === kind).length);
const [lost, twice, orphans] = counts;
process.stdout.write(
  `nemesis: ${steps} steps, ${faultsDone} faults, ${lost} lost, ${twice} twice, ${orphans} orphans (seed ${seed})\n`,
);
process.exitCode = problems.length === 0 && steps > 0 && faultsDone > 0 ? 0 : 1;

function say(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 23)} ${line}\n`);
}

function found(problem: Problem): void {
  problems.push(problem);
  say(`${problem.kind}: ${problem.what}`);
}

async function run(machine: Machine, service: Service): Promise<void> {
  const every = async (random: Random, [from, to]: readonly [number, number], work: () => Promise<void>) => {
    while (performance.now() < endAt && steps < mostSteps) {
      await work();
      await delay(random.between(from, to));
    }
  };
  const client = async (offset: number, ask: typeof askService) => {
    const random = createRandom(seed + offset);
    await every(random, [200, 2000], async () => {
      await ask(world, random);
      steps += 1;
    });
  };
  const faults = async () => {
    const random = createRandom(seed + 3);
    const table = Object.entries(allFaults(dataDir, service, machine)).filter(([name]) => isWanted(name));
    await every(random, [1000, 8000], async () => await strike(table, random));
  };
  await Promise.all([client(4, askService), client(5, askService), client(6, askOneSandbox), faults()]);
  await machine.heal();
  await settle(machine);
}

function isWanted(name: string): boolean {
  const only = given.only.split(',').filter(Boolean);
  return (only.length === 0 || only.includes(name)) && !given.without.split(',').includes(name);
}

async function strike(table: [string, ReturnType<typeof allFaults>[string]][], random: Random): Promise<void> {
  const [name, hit] = random.weighted(table.map(([name, [weight, hit]]) => [weight, [name, hit] as const]));
  const done = await hit(random);
  if (!done) return;
  faultsDone += 1;
  const asked = done.sandboxId && model.find(({ id }) => id === done.sandboxId);
  if (asked && done.takesData) asked.isDataTaken = true;
  say(`${name}: ${done.what} ${done.sandboxId ?? ''}`);
}

/** Until nothing is wrong any more, or the time for that is over. */
async function settle(machine: Machine): Promise<void> {
  const began = performance.now();
  const deadline = began + Number(given.settle) * 1000;
  let left: Problem[] = [];
  let before: Problem[] = [];
  do {
    await delay(1000);
    before = left;
    left = await findProblems(world, machine, dataDir);
  } while (left.length > 0 && performance.now() < deadline);
  const seconds = Math.round((performance.now() - began) / 1000);
  say(left.length > 0 ? `not settled after ${seconds} s` : `settled after ${seconds} s`);
  for (const { kind, what } of before) if (left.length === 0) say(`at last: ${kind} ${what}`);
  for (const problem of left) found(problem);
}

/** Ends what this run has started, whatever state it is in, and nothing else. */
async function end(machine: Machine, service: Service | undefined): Promise<void> {
  if (service && problems.length > 0)
    say(`the service, started ${service.starts()} times, said last:\n${service.output()}`);
  await service?.stop();
  const { exitCode, all } = await execa(process.execPath, ['src/cli/stop-all.ts'], {
    env,
    extendEnv: false,
    all: true,
    reject: false,
  });
  const redis = await findRedis(dataDir);
  const left = [...(await machine.things()).map(({ kind, name }) => `${kind} ${name}`), ...(redis ? ['Redis'] : [])];
  await machine.clear();
  await killAll(redis ? [redis] : []);
  if (exitCode !== 0 || left.length > 0) {
    const what = `stop-all, which ended with ${exitCode} and left ${left.join(', ') || 'nothing'}:\n${all}`;
    found({ kind: 'orphan', what });
  }
  if (problems.length === 0) await rm(dataDir, { recursive: true, force: true });
  else say(`kept: ${dataDir}`);
}
