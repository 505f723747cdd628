import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { temporaryFolder } from '../support/service.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { findProblems } from './check.ts';
import { askOneSandbox, askService, type ClientWorld } from './clients.ts';
import { connectDaemon, dockerMachine } from './docker.ts';
import { allFaults, findRedis } from './faults.ts';
import { createLasting } from './lasting.ts';
import { type Model, noteMoves, type Problem } from './model.ts';
import { processMachine } from './processes.ts';
import { createRandom, type Random } from './random.ts';
import { createApi } from './requests.ts';
import { findPorts, sandboxPorts } from './service.ts';
import { severalMachines } from './several-machines.ts';
import { killAll } from './signals.ts';
import { hostFolders, type Site, startHosts, startOneHost } from './site.ts';

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
    /** More than one: an API, a Redis, and a worker for each. */
    hosts: { type: 'string', default: '1' },
    /** Names of faults, separated by commas. */
    only: { type: 'string', default: '' },
    without: { type: 'string', default: '' },
    /** How long after the last fault everything may take, in seconds. */
    settle: { type: 'string', default: '60' },
  },
});
const seed = Number(given.seed);
const hostCount = Number(given.hosts);
if (hostCount > 1 && given.runtime === 'docker') throw new Error('--hosts is for sandboxes of processes');
let endAt = performance.now() + Number(given.minutes) * 60_000;
const mostSteps = 100_000;
// It ends early, but in order, however often it is asked.
process.on('SIGINT', () => {
  endAt = performance.now();
});

// First, as without a daemon nothing is to be left behind.
const docker = given.runtime === 'docker' ? await connectDaemon() : null;
const dir = await temporaryFolder();
const dataDir = path.join(dir, 'd');
await mkdir(dataDir);
const disk = isWanted('fill-disk') ? await mountSmallDisk(path.join(dir, 'disk'), dataDir, diskMiB()) : null;
const lasting = createLasting(found);
const machine = docker
  ? await dockerMachine(docker, dir, dataDir, lasting)
  : severalMachines(hostFolders(dataDir, hostCount).map(processMachine));
const firstPort = await findPorts(createRandom(seed + 1));
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

const isLeftOut = isWanted('fill-disk') && !disk;
const leftOut = isLeftOut ? '; without fill-disk, as no loop device can be mounted here' : '';
say(`seed ${seed}, ${given.minutes} minutes, ${dir}${leftOut}`);
let site: Site | undefined;
try {
  const options = { dataDir, runtime: given.runtime, firstPort, seed, more: machine.env, found };
  site = hostCount > 1 ? await startHosts(options, hostCount) : await startOneHost(options);
  await run(site);
} finally {
  await end(site);
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

async function run(site: Site): Promise<void> {
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
    const all = allFaults({ dataDir, site, machine, ports: sandboxPorts(firstPort), disk, lasting, found });
    const table = Object.entries(all).filter(([name]) => isWanted(name));
    await every(random, [1000, 8000], async () => await strike(table, random));
  };
  await Promise.all([client(4, askService), client(5, askService), client(6, askOneSandbox), faults()]);
  await lasting.end();
  await machine.heal();
  await settle();
}

/** Room for these sandboxes, of some 150 MiB, for as many that are being deleted, and for what is kept free: a fifth. */
function diskMiB(): number {
  return 800 + 350 * Number(given.sandboxes);
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
  if (done.takenPorts) noteMoves(model, done.takenPorts);
  say(`${name}: ${done.what} ${done.sandboxId ?? ''}`);
}

/** Until nothing is wrong any more, or the time for that is over. */
async function settle(): Promise<void> {
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
  // What was still under way is no loss.
  for (const { what } of before) if (left.length === 0) say(`last to settle: ${what}`);
  for (const problem of left) found(problem);
}

/** Ends what this run has started, whatever state it is in, and nothing else. */
async function end(site: Site | undefined): Promise<void> {
  const programs = site && problems.length > 0 ? [site.service, ...site.workers] : [];
  for (const { name, starts, output } of programs) say(`${name}, started ${starts()} times, said last:\n${output()}`);
  // Where the run was cut short, too.
  await lasting.end();
  await site?.stop();
  // stop-all removes it.
  if (problems.length > 0)
    await cp(path.join(dataDir, 'logs'), path.join(dir, 'logs'), { recursive: true }).catch(() => 0);
  const ends = [];
  for (const env of site?.hosts ?? []) ends.push(await stopAll(env));
  await site?.close();
  const redis = await findRedis(dataDir);
  const left = [...(await machine.things()).map(({ kind, name }) => `${kind} ${name}`), ...(redis ? ['Redis'] : [])];
  await machine.clear();
  await killAll(redis ? [redis] : []);
  for (const { exitCode, all } of ends.filter(({ exitCode }) => exitCode !== 0 || left.length > 0)) {
    const what = `stop-all, which ended with ${exitCode} and left ${left.join(', ') || 'nothing'}:\n${all}`;
    found({ kind: 'orphan', what });
  }
  await disk?.unmount();
  if (problems.length === 0) await rm(dir, { recursive: true, force: true });
  else say(`kept: ${dir}${disk ? ' (mount -o loop disk d)' : ''}`);
}

async function stopAll(env: Record<string, string>) {
  const how = { env, extendEnv: false, all: true, reject: false } as const;
  return await execa(process.execPath, ['src/cli/stop-all.ts'], how);
}
