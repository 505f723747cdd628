import { truncate } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { openEtcd } from '../../src/runtime/etcd-client.ts';
import { dockerRuntimesOrSkip } from '../support/docker-runtime.ts';
import { etcdOn } from '../support/etcd-sandbox.ts';

t.setTimeout(300_000);
const runtimes = await dockerRuntimesOrSkip(t);
const { docker } = runtimes;
const never = new AbortController().signal;
const { DockerRootDir } = (await docker.info()) as { DockerRootDir: string };
const isLocal = process.getuid?.() === 0 && process.platform === 'linux';

t.test('an etcd that runs is found ready though its log was rotated away', { skip: !isLocal }, async (t) => {
  const runtime = runtimes.open(runtimes.newOwner());
  const { id, plan, etcd } = etcdOn(runtime);
  await runtime.prepare(plan, never);
  await runtime.start(plan, etcd, never);
  await truncate((await docker.getContainer(`sandplane-${id}-etcd`).inspect()).LogPath);
  await t.resolves(runtime.start(plan, etcd, never));
});

t.test('an etcd that hangs is not taken for one that is ready', { skip: !isLocal }, async (t) => {
  const runtime = runtimes.open(runtimes.newOwner());
  const { id, plan, etcd } = etcdOn(runtime);
  await runtime.prepare(plan, never);
  await runtime.start(plan, etcd, never);
  const container = docker.getContainer(`sandplane-${id}-etcd`);
  await container.kill({ signal: 'SIGSTOP' });
  const cut = new AbortController();
  const started = runtime.start(plan, etcd, cut.signal);
  // It accepts connections all the same.
  const client = await openEtcd((await runtime.etcdSocket(id)) ?? '');
  await t.rejects(client.status());
  await client.close();
  cut.abort(new Error('cut off'));
  await t.rejects(started, { message: 'cut off' });
});

/** Starts, stops and starts an etcd again where the volumes of the daemon are out of sight, as when it is elsewhere. */
const elsewhere = `
  const { connectDocker } = await import('./src/runtime/docker-connection.ts');
  const { dockerRuntimes } = await import('./test/support/docker-runtime.ts');
  const { etcdOn } = await import('./test/support/etcd-sandbox.ts');
  const runtimes = await dockerRuntimes(await connectDocker());
  const runtime = runtimes.open(runtimes.newOwner());
  const { id, plan, etcd } = etcdOn(runtime);
  const never = new AbortController().signal;
  const quiet = { ...etcd, args: [...etcd.args, '--log-level=error'] };
  try {
    await runtime.prepare(plan, never);
    for (const time of ['first', 'second']) {
      await runtime.start(plan, quiet, never);
      console.log(time, (await runtime.observe(id))[0].components[0].state);
      await runtime.stop(id, 'etcd', 5000);
    }
    const broken = { ...quiet, args: [...quiet.args, '--no-such-flag'], specHash: 'broken' };
    await runtime.start(plan, broken, never).catch((error) => console.log(error.code));
  } finally {
    await runtimes.close();
  }`;

t.test('etcd on a daemon elsewhere, whose volumes are out of reach', { skip: !isLocal }, async (t) => {
  const hidden = `mount -t tmpfs none ${path.join(DockerRootDir, 'volumes')} && exec "$@"`;
  const node = [process.execPath, '--input-type=module', '-e', elsewhere];
  const { stdout } = await execa('unshare', ['-m', 'sh', '-c', hidden, 'sh', ...node]);
  t.same(stdout.split('\n'), ['first running', 'second running', 'component_exited']);
});
