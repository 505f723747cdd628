import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { loadConfig } from '../../src/config/config.ts';
import { type FakeService, startFakeService } from '../support/fake-service.ts';
import { testAdminKey } from '../support/service.ts';
import { makeEnvironment } from './environment.ts';
import { type Part, partsOf } from './parts.ts';
import { startReceiver } from './receiver.ts';
import { linksIn, type Report, told, toldShort } from './report.ts';

/**
 * Fuzzes a running service by its own OpenAPI document: with Schemathesis, all of its checks and phases, once for each
 * seed. Fails when anything is found, and when fewer cases were run than asked for.
 */
const { values: given } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20261123,7' },
    examples: { type: 'string', default: '40' },
    least: { type: 'string', default: '5000' },
    // For looking into one thing: passed on as --include-operation-id and --phases.
    operation: { type: 'string', multiple: true, default: [] },
    phases: { type: 'string', default: 'examples,coverage,fuzzing,stateful' },
  },
});
const folder = import.meta.dirname;

/** High enough that the limits are not all that is met. */
const settings = {
  SANDPLANE_RATE_LIMIT: '1000000',
  SANDPLANE_STORE_TIMEOUT_MS: '15000',
  SANDPLANE_QUOTA_SANDBOXES: '100000',
  SANDPLANE_QUOTA_AWAKE: '100000',
  SANDPLANE_QUOTA_STARTS_PER_MINUTE: '1000000',
  SANDPLANE_QUOTA_MEMORY_MIB: '1000000000',
  SANDPLANE_QUOTA_DISK_MIB: '1000000000',
  SANDPLANE_WEBHOOK_ALLOWED_RANGES: '127.0.0.0/8',
  SANDPLANE_LOG_LEVEL: process.env.TEST_LOG ?? 'error',
};

/** Everyone who asks in a run, as a list of the Web Fuzzing Commons' authentication format. */
interface Identity {
  readonly name: string;
  readonly key: string;
  readonly keyId?: string;
}

interface Run {
  readonly who: string;
  readonly identities: readonly Identity[];
  /** Those who must not see each other's objects. */
  readonly peers: readonly string[];
  readonly examples: number;
}

const schemathesis = await makeEnvironment(
  path.join(loadConfig(process.env).cacheDir, 'fuzz'),
  path.join(folder, 'requirements.txt'),
);
let isGood = true;
for (const seed of given.seeds.split(',')) isGood = (await fuzz(seed)) && isGood;
process.exitCode = isGood ? 0 : 1;

/** One seed: as the admin of the service, who may do everything, and as two projects that must not see each other. */
async function fuzz(seed: string): Promise<boolean> {
  const receiver = await startReceiver();
  const service = await startFakeService(settings, { runtimes: ['process', 'docker'] });
  const work = await mkdtemp(path.join(tmpdir(), 'fuzz-'));
  try {
    const examples = Number(given.examples);
    const admin: Run = { who: 'admin', identities: [{ name: 'admin', key: testAdminKey }], peers: [], examples };
    const ofAdmin = await run(seed, service, receiver.url, work, admin);
    const identities = [await tenant(service, 'fuzz-a'), await tenant(service, 'fuzz-b')];
    const peers = identities.map(({ name }) => name);
    const tenants: Run = { who: 'tenants', identities, peers, examples: Math.ceil(examples / 3) };
    const ofTenants = await run(seed, service, receiver.url, work, tenants);
    return told(seed, [...ofAdmin, ...ofTenants], Number(given.least), receiver.count());
  } finally {
    await service.close();
    await receiver.close();
    await rm(work, { recursive: true, force: true });
  }
}

async function tenant(service: FakeService, name: string): Promise<Identity> {
  await service.admin.call('POST', '/v1/projects', { name });
  const { body } = await service.admin.call<{ id: string; secret: string }>('POST', `/v1/projects/${name}/keys`, {
    name: 'fuzz',
    scopes: ['read', 'write', 'admin'],
  });
  return { name, key: body.secret, keyId: body.id };
}

/** What the identities of a run find, in all of its parts. */
async function run(seed: string, service: FakeService, receiver: string, work: string, run: Run): Promise<Report[]> {
  const { who, identities, examples } = run;
  const url = service.url();
  const users = path.join(work, `${who}.json`);
  const auth = identities.map(({ name, key }) => ({
    name,
    fixedHeaders: [{ name: 'Authorization', value: `Bearer ${key}` }],
  }));
  await writeFile(users, JSON.stringify({ schemaVersion: '0.2.0', auth }));
  const env = {
    PYTHONPATH: folder,
    SCHEMATHESIS_HOOKS: 'hooks',
    FUZZ_RECEIVER: receiver,
    FUZZ_OWN_KEYS: identities.flatMap(({ keyId }) => keyId ?? []).join(' '),
  };
  const reports: Report[] = [];
  const wanted = { who, examples, phases: given.phases.split(','), operations: given.operation };
  for (const part of await partsOf(url, wanted)) {
    const config = path.join(work, `${who}.toml`);
    await writeFile(config, await configWith(users, run, part.chains));
    reports.push(await runPart(seed, url, part, config, work, env));
  }
  return reports;
}

async function runPart(
  seed: string,
  url: string,
  { name, phases, chosen }: Part,
  config: string,
  work: string,
  env: Record<string, string>,
): Promise<Report> {
  const report = path.join(work, 'report.json');
  await rm(report, { force: true });
  const { exitCode, stdout } = await execa(
    schemathesis,
    [
      ...['--config-file', config, 'run', `${url}/openapi.json`, '--url', url],
      ...['--checks', 'all', '--seed', seed],
      ...['--phases', phases.join(',')],
      ...['--report', 'json', '--report-json-path', report],
      ...chosen,
    ],
    // Links are told on the output alone.
    { cwd: work, stdout: ['pipe', 'inherit'], stderr: 'inherit', reject: false, env },
  );
  const read = JSON.parse(await readFile(report, 'utf8')) as Omit<Report, 'name' | 'exitCode' | 'links'>;
  return toldShort({ ...read, name, exitCode: exitCode ?? 1, links: linksIn(stdout) });
}

async function configWith(users: string, { peers, examples }: Run, chains: number): Promise<string> {
  const base = await readFile(path.join(folder, 'schemathesis.toml'), 'utf8');
  const list = peers.length > 0 ? `peers = ${JSON.stringify(peers)}\n` : '';
  return `${base}
[phases.fuzzing.generation]
max-examples = ${examples}

[phases.stateful.generation]
max-examples = ${Math.max(chains, 1)}

[auth.wfc]
path = ${JSON.stringify(users)}
${list}`;
}
