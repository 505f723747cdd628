import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { print } from '../../src/start/terminal.ts';
import { exclusively } from '../support/exclusively.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { type Language, languages, toolchains } from './toolchains.ts';

/**
 * Runs the program of each language, or of those that are named, against a real service:
 * `npm run test:clients -- python go`. A language whose tools are not there is skipped, but with CI=true it has failed.
 */
const limitMs = 30 * 60_000;
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

interface Outcome {
  readonly language: Language;
  readonly result: 'ok' | 'FAILED' | 'skipped';
  readonly seconds: number;
  readonly why: string;
}

interface Keys {
  readonly SANDPLANE_KEY: string;
  readonly SANDPLANE_FULL_KEY: string;
}

async function main(): Promise<void> {
  const named = process.argv.slice(2);
  const unknown = named.filter((name) => !languages.includes(name as Language));
  if (unknown.length > 0) {
    print(`There is no client ${unknown.join(', ')}: one of ${languages.join(', ')}`);
    process.exitCode = 2;
    return;
  }
  const service = await startTestService();
  const outcomes: Outcome[] = [];
  try {
    for (const language of named.length > 0 ? (named as Language[]) : languages) {
      if (!stop.signal.aborted) outcomes.push(await runLanguage(service, language));
    }
  } finally {
    await service.close();
  }
  report(outcomes);
}

async function runLanguage(service: TestService, language: Language): Promise<Outcome> {
  const started = performance.now();
  const outcome = (result: Outcome['result'], why = '') => {
    return { language, result, seconds: (performance.now() - started) / 1000, why };
  };
  print(`\n== ${language}`);
  const missing = await missingTool(language);
  if (missing) return outcome(process.env.CI === 'true' ? 'FAILED' : 'skipped', missing);
  const faults: string[] = [];
  try {
    await runProgram(service, language, await makeKeys(service, language));
  } catch (error) {
    faults.push((error as Error).message.split('\n', 1)[0] ?? '');
  }
  const left = await deleteLeft(service, language);
  if (left.length > 0) faults.push(`left behind: ${left.join(', ')}`);
  return outcome(faults.length === 0 ? 'ok' : 'FAILED', faults.join('; '));
}

async function missingTool(language: Language): Promise<string | null> {
  for (const command of toolchains[language]) {
    const { exitCode } = await execa('sh', ['-c', command], { reject: false });
    if (exitCode !== 0) return `its tools are not there: \`${command}\` fails`;
  }
  return null;
}

/** A project of the language's own, and one that is full from the start. */
async function makeKeys({ client }: TestService, language: Language): Promise<Keys> {
  const keyOf = async (project: string, quotas: object) => {
    const made = await client.call('POST', '/v1/projects', { name: project, quotas });
    const body = { name: 'test', scopes: ['read', 'write'] };
    const key = await client.call<{ secret: string }>('POST', `/v1/projects/${project}/keys`, body);
    if (made.status !== 201 || key.status !== 201) throw new Error(`no project ${project}: ${made.body.detail}`);
    return key.body.secret;
  };
  return {
    SANDPLANE_KEY: await keyOf(language, {}),
    SANDPLANE_FULL_KEY: await keyOf(`${language}-full`, { sandboxes: 0 }),
  };
}

/** Throws when it does not end well, or without its last line. What it builds is kept for the next run. */
async function runProgram({ config, client }: TestService, language: Language, keys: Keys): Promise<void> {
  const cache = path.join(config.cacheDir, 'clients', language);
  await mkdir(cache, { recursive: true });
  // Runs of other clones on this machine use the same folder, one after the other.
  await exclusively(cache, async () => {
    const { stdout } = await execa(path.join(import.meta.dirname, language, 'run.sh'), {
      env: { ...keys, SANDPLANE_URL: client.url(), CLIENT_CACHE: cache },
      stdin: 'ignore',
      stdout: ['pipe', 'inherit'],
      stderr: 'inherit',
      timeout: limitMs,
      cancelSignal: stop.signal,
    });
    if (!stdout.split('\n').includes(`ok ${language}`)) throw new Error(`it did not say "ok ${language}"`);
  });
}

/** A program that ends well has deleted what it made. Returns what was left. */
async function deleteLeft({ client }: TestService, project: string): Promise<string[]> {
  const headers = { 'sandplane-project': project };
  const { body } = await client.call<{ items: { id: string }[] }>('GET', '/v1/sandboxes', undefined, headers);
  const ids = body.items.map(({ id }) => id);
  for (const id of ids) {
    await client.call('DELETE', `/v1/sandboxes/${id}`, undefined, headers);
    await client.call('GET', `/v1/sandboxes/${id}/wait?for=deleted&timeout=60`, undefined, headers);
  }
  return ids;
}

function report(outcomes: readonly Outcome[]): void {
  const count = (result: Outcome['result']) => outcomes.filter((outcome) => outcome.result === result).length;
  print('');
  for (const { language, result, seconds, why } of outcomes) {
    print(`${language.padEnd(10)} ${result.padEnd(7)} ${seconds.toFixed(1).padStart(6)} s  ${why}`.trimEnd());
  }
  print(`clients: ${count('ok')} passed, ${count('FAILED')} failed`);
  process.exitCode = count('FAILED') === 0 && count('ok') > 0 && !stop.signal.aborted ? 0 : 1;
}

await main();
