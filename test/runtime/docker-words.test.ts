import t from 'tap';
import { componentExited } from '../../src/runtime/component-errors.ts';
import { dockerRuntimesOrSkip } from '../support/docker-runtime.ts';
import { etcdOn } from '../support/etcd-sandbox.ts';
import { until } from '../support/until.ts';

t.setTimeout(180_000);
const runtimes = await dockerRuntimesOrSkip(t);
const { docker } = runtimes;
const owner = runtimes.newOwner();
const { signal } = new AbortController();

t.test('a component that needs more memory than it may have is told as such', async (t) => {
  const runtime = runtimes.open(owner);
  const { plan, etcd, id } = etcdOn(runtime);
  // As little as Docker takes, and none of it is freed.
  const limits = { ...etcd.limits, memoryBytes: 6 * 1024 * 1024 };
  const small = { ...etcd, limits, env: { GOGC: 'off' } };
  const smallPlan = { ...plan, components: [small] };
  await runtime.prepare(smallPlan, signal);
  // Killed before it accepts connections, or just after.
  await runtime.start(smallPlan, small, signal).catch((error: unknown) => {
    t.match(error, { code: 'component_out_of_memory', component: 'etcd', message: /was killed \(OOMKilled\)/ });
  });
  const observed = async () => (await runtime.observe(id))[0]?.components[0];
  await until(async () => (await observed())?.state === 'exited');
  t.match(await observed(), { name: 'etcd', isOutOfMemory: true });
  t.match(componentExited('etcd', { exitCode: 137, isOutOfMemory: true }, []), { code: 'component_out_of_memory' });
});

t.test(
  'a container has the name and the labels of its sandbox, and is replaced when its address changes',
  async (t) => {
    const { plan, etcd, id } = etcdOn(runtimes.open(owner));
    const open = { ...etcd, port: 29_871 };
    const openPlan = { ...plan, components: [open] };
    const published = async (address: string) => {
      const at = runtimes.open(owner, { bindAddress: address });
      await at.prepare(openPlan, signal);
      await at.start(openPlan, open, signal);
      return await docker.getContainer(`sandplane-${id}-etcd`).inspect();
    };
    const first = await published('127.0.0.1');
    t.match(first.Config.Labels, { 'io.sandplane.name': 'demo', 'io.sandplane.label.example.com/team': 'ci' });
    t.equal((await published('127.0.0.1')).Id, first.Id, 'the same one is kept');
    const moved = await published('127.0.0.2');
    t.equal(moved.HostConfig.PortBindings['29871/tcp'][0].HostIp, '127.0.0.2');
  },
);

t.test('what Docker refuses is told in its own words', async (t) => {
  const runtime = runtimes.open(owner, { imageOf: async () => 'No-Such-Name' });
  const { plan } = etcdOn(runtime);
  await t.rejects(runtime.prepare(plan, signal), {
    code: 'runtime_refused',
    message: /^Docker: invalid reference format/,
  });
});
