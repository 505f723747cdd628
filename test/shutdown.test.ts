import { readFile, rm } from 'node:fs/promises';
import { execa } from 'execa';
import t from 'tap';
import { describeProcess } from '../src/runtime/process-identity.ts';
import { isTold } from './nemesis/program.ts';
import { temporaryFolder, testEnvironment } from './support/service.ts';
import { until } from './support/until.ts';

/** A process that takes `closingMs` to close, or fails at it; with `alsoThrows` it throws what nobody catches. */
function startProcess(how: { closingMs?: number; fails?: boolean; alsoThrows?: boolean }) {
  const source = `
    const { closeOnSignal } = await import('./src/shutdown.ts');
    const { createLogger } = await import('./src/logger.ts');
    const how = JSON.parse(process.argv[1]);
    closeOnSignal({
      logger: createLogger('info'),
      announce: (error) => console.log('announced', error?.message ?? ''),
      close: async () => {
        await new Promise((resolve) => setTimeout(resolve, how.closingMs ?? 0));
        if (how.fails) throw new Error('cannot close');
        console.log('all closed');
      },
    });
    setInterval(() => undefined, 1000);
    console.log('up');
    if (how.alsoThrows) setTimeout(() => { throw new Error('unforeseen') });`;
  const child = execa(process.execPath, ['--input-type=module', '-e', source, JSON.stringify(how)], { reject: false });
  let output = '';
  child.stdout.on('data', (chunk: string) => {
    output += chunk;
  });
  return { child, said: (text: string) => until(() => output.includes(text)) };
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`${signal} closes in order, and the exit code is 0`, async (t) => {
    const { child, said } = startProcess({});
    await said('up');
    child.kill(signal);
    const { exitCode, stdout } = await child;
    t.equal(exitCode, 0);
    t.match(stdout, /announced.*all closed/s);
    // The log is written by a thread of its own: its lines come in their own time.
    t.match(stdout, `"signal":"${signal}"`);
  });
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`${signal} that npm passes on a second time is one signal`, async (t) => {
    const { child, said } = startProcess({ closingMs: 700 });
    await said('up');
    child.kill(signal);
    await said('announced');
    child.kill(signal);
    const { exitCode, stdout } = await child;
    t.equal(exitCode, 0);
    t.match(stdout, 'all closed');
  });
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`a second ${signal} later on ends it at once`, async (t) => {
    const { child, said } = startProcess({ closingMs: 15_000 });
    await said('up');
    child.kill(signal);
    await said('announced');
    await new Promise((resolve) => setTimeout(resolve, 600));
    child.kill(signal);
    const { exitCode, durationMs } = await child;
    t.not(exitCode, 0);
    t.ok(durationMs < 10_000);
  });
}

t.test('what cannot be closed is logged, and the exit code is 1', async (t) => {
  const { child, said } = startProcess({ fails: true });
  await said('up');
  child.kill('SIGTERM');
  const { exitCode, stdout } = await child;
  t.equal(exitCode, 1);
  t.match(stdout, /"level":50.*cannot close/s);
});

t.test('an error that nothing caught is logged, all is closed, and the exit code is 1', async (t) => {
  const { exitCode, stdout } = await startProcess({ alsoThrows: true }).child;
  t.equal(exitCode, 1);
  t.match(stdout, /announced unforeseen.*all closed/s);
  t.match(stdout, /"level":60.*unforeseen/);
  t.notOk(isTold(exitCode ?? null, stdout), 'a run with faults takes it for a crash');
});

for (const [whom, pick] of [
  ['npm', (npm: number) => npm],
  ['the process that npm has started', (_npm: number, child: number) => child],
] as const) {
  t.test(`SIGTERM to ${whom} stops what npm start runs, in order`, async (t) => {
    const dataDir = await temporaryFolder();
    t.teardown(() => rm(dataDir, { recursive: true, force: true }));
    // Without the set-up that comes before it.
    const npm = execa('npm', ['start', '--silent', '--ignore-scripts'], {
      env: testEnvironment(dataDir),
      reject: false,
    });
    let output = '';
    npm.stdout.on('data', (chunk: string) => {
      output += chunk;
    });
    await until(() => /^Ctrl-C/m.test(output));
    const { pid = 0 } = npm;
    const child = Number(await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'));
    const { pid: service } = JSON.parse(await readFile(`${dataDir}/service.json`, 'utf8')) as { pid: number };
    process.kill(pick(pid, child), 'SIGTERM');
    await npm;
    t.match(output, 'Stopping; sandboxes stay.');
    t.equal(await describeProcess(service), null);
    t.equal(child, service, 'there is no shell in between');
  });
}
