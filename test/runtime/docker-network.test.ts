import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { containerOf } from '../../src/runtime/docker-container.ts';
import { labels } from '../../src/runtime/docker-labels.ts';
import { removeNetwork, sandboxNetwork } from '../../src/runtime/docker-network.ts';
import { ensureContainer, startContainer } from '../../src/runtime/docker-start.ts';
import type { Runtime } from '../../src/runtime/driver.ts';
import { freePort } from '../../src/runtime/ports.ts';
import { dockerRuntimesOrSkip } from '../support/docker-runtime.ts';
import { etcdOn, withPort } from '../support/etcd-sandbox.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';

t.setTimeout(300_000);
const runtimes = await dockerRuntimesOrSkip(t);
const { docker } = runtimes;
const never = new AbortController().signal;

/** A sandbox of an etcd with a port, so that it is in a network. */
async function etcdWithPort(runtime: Runtime) {
  const { id, plan, etcd } = etcdOn(runtime);
  const listens = withPort(etcd, await freePort(), '0.0.0.0');
  const withPorts = { ...plan, components: [listens] };
  /** As a restart does it. */
  const start = async () => {
    await runtime.prepare(withPorts, never);
    await runtime.start(withPorts, listens, never);
  };
  const stateOf = async () => (await runtime.observe(id))[0]?.components[0]?.state;
  return { id, container: docker.getContainer(`sandplane-${id}-etcd`), port: listens.port ?? 0, start, stateOf };
}

async function startEtcd(runtime: Runtime): Promise<string> {
  const { id, start } = await etcdWithPort(runtime);
  await start();
  return id;
}

/** Whether etcd answers at its published port. */
async function answers(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/version`).catch(() => null);
  return answer?.ok ?? false;
}

/** The networks of its container: one, or docker would not have started it. */
async function networkIdsOf(id: string): Promise<string[]> {
  const { NetworkSettings } = await docker.getContainer(`sandplane-${id}-etcd`).inspect();
  return Object.values(NetworkSettings.Networks).map(({ NetworkID }) => NetworkID);
}

/** What two makers at once have left behind. */
async function makeTwins(owner: string): Promise<string[]> {
  const made: string[] = [];
  for (const _ of [1, 2]) {
    const network = { Name: `sandplane-${owner}`, CheckDuplicate: false, Labels: { [labels.owner]: owner } };
    made.push((await docker.createNetwork(network)).id);
  }
  return made;
}

t.test('two creates at once on a daemon without the network make one, and both sandboxes run', async (t) => {
  const owner = runtimes.newOwner();
  const runtime = runtimes.open(owner);
  const ids = await Promise.all([startEtcd(runtime), startEtcd(runtime), startEtcd(runtime)]);
  const networks = await runtimes.networksOf(owner);
  t.equal(networks.length, 1);
  for (const id of ids) t.same(await networkIdsOf(id), [networks[0]?.Id]);
  t.match(networks[0]?.Name, owner, 'its name tells whose it is');
});

t.test('two processes of one service at once: the next create has one network, the oldest', async (t) => {
  const owner = runtimes.newOwner();
  await Promise.all([startEtcd(runtimes.open(owner)), startEtcd(runtimes.open(owner))]);
  const id = await startEtcd(runtimes.open(owner));
  const networks = await runtimes.networksOf(owner);
  const times = networks.map(({ Created }) => Date.parse(Created));
  const oldest = networks[times.indexOf(Math.min(...times))];
  t.same(await networkIdsOf(id), [oldest?.Id]);
});

t.test('of several networks of one name the oldest is used, and empty ones are removed', async (t) => {
  const owner = runtimes.newOwner();
  const [oldest] = await makeTwins(owner);
  const id = await startEtcd(runtimes.open(owner));
  t.same(await networkIdsOf(id), [oldest]);
  t.same(
    (await runtimes.networksOf(owner)).map(({ Id }) => Id),
    [oldest],
  );
});

t.test('a create beside two networks of one name that are both in use', async (t) => {
  const owner = runtimes.newOwner();
  const twins = await makeTwins(owner);
  const id = await startEtcd(runtimes.open(owner));
  const second = await docker.createNetwork({ Name: `sandplane-${owner}`, Labels: { [labels.owner]: owner } });
  await second.connect({ Container: `sandplane-${id}-etcd` });
  const another = await startEtcd(runtimes.open(owner));
  t.same(await networkIdsOf(another), [twins[0]]);
  t.equal((await runtimes.networksOf(owner)).length, 2);
});

t.test('stop-all of one service removes its networks, however many, and leaves those of another', async (t) => {
  const dataDir = await temporaryFolder();
  const [owner, other] = [runtimes.newOwner(), runtimes.newOwner()];
  await writeFile(path.join(dataDir, 'service-id'), owner);
  await makeTwins(owner);
  const id = await startEtcd(runtimes.open(other));
  await docker.getContainer(`sandplane-${id}-etcd`).stop();
  const env = testEnvironment(dataDir);
  const stopped = await execa(process.execPath, ['src/cli/stop-all.ts'], { env, all: true, reject: false });
  t.match(stopped, { exitCode: 0, all: /^Removed\./ });
  t.same(await runtimes.networksOf(owner), []);
  t.equal((await runtimes.networksOf(other)).length, 1);
  await t.resolves(docker.getContainer(`sandplane-${id}-etcd`).start(), 'and what was stopped can start in it');
});

t.test('a network that was removed while containers are stopped is made again by the next start', async (t) => {
  const owner = runtimes.newOwner();
  const { container, port, start } = await etcdWithPort(runtimes.open(owner));
  await start();
  await container.stop();
  for (const { Id } of await runtimes.networksOf(owner)) await docker.getNetwork(Id).remove();
  await start();
  t.ok(await answers(port));
});

t.test(
  'a network that is removed between the making of a container and its start: the start is tried again',
  async (t) => {
    const owner = runtimes.newOwner();
    const { plan, etcd } = etcdOn(runtimes.open(owner));
    const maker = {
      docker,
      owner,
      bindAddress: '127.0.0.1',
      imageOf: runtimes.imageOf,
      network: sandboxNetwork(docker, owner),
    };
    const listens = withPort(etcd, await freePort(), '0.0.0.0');
    await ensureContainer(maker, plan, listens, never);
    await removeNetwork(docker, owner);
    const started = startContainer(docker, containerOf(docker, plan.sandboxId, 'etcd'), listens.port);
    await t.rejects(started, { code: 'runtime_unavailable', message: /network/ });
  },
);

t.test(
  'a container that was cut off its network does not count as running, and the next start makes it anew',
  async (t) => {
    const owner = runtimes.newOwner();
    const { id, port, start, stateOf } = await etcdWithPort(runtimes.open(owner));
    await start();
    const [network] = await networkIdsOf(id);
    await docker.getNetwork(network ?? '').disconnect({ Container: `sandplane-${id}-etcd` });
    t.equal(await stateOf(), 'unreachable');
    await start();
    t.equal(await stateOf(), 'running');
    t.ok(await answers(port));
  },
);
