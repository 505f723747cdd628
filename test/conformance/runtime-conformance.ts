import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Test } from 'tap';
import type { ObservedComponent, Runtime } from '../../src/runtime/driver.ts';
import { type EtcdSandbox, etcdOn, withPort } from '../support/etcd-sandbox.ts';
import { until } from '../support/until.ts';

interface Conformance {
  readonly runtime: Runtime;
  /** Of another service on the same daemon, where there is one. */
  readonly neighbour?: Runtime;
  /** The address that a component with a port has to listen on in this runtime. */
  readonly listenAddress: string;
  /** Removes the data of a stopped sandbox as somebody would who does not know the service. */
  readonly removeData: (id: string) => Promise<void>;
  /** Removes what is in it, and not what it is in. */
  readonly emptyData: (id: string) => Promise<void>;
  /** Removes the folder of the data itself where what it belongs to stays, as somebody would on the disk. */
  readonly removeFolder?: (id: string) => Promise<void>;
}

/** The message of etcd when its election timeout is too short for the heartbeat interval. */
export const refusal = 'should be at least as 5 times as --heartbeat-interval';

const never = new AbortController().signal;

/** The tests that every runtime has to pass. Each test makes a sandbox of its own and removes it. */
export function runtimeConformance(t: Test, conformance: Conformance): void {
  const { runtime, listenAddress } = conformance;

  async function withSandbox(use: (sandbox: EtcdSandbox) => Promise<void>): Promise<void> {
    const sandbox = etcdOn(runtime);
    try {
      await use(sandbox);
    } finally {
      await runtime.remove(sandbox.id);
    }
  }

  t.test('a component that is started twice runs once, and is observed', async (t) => {
    await withSandbox(async ({ id, plan, etcd }) => {
      await runtime.prepare(plan, never);
      await runtime.prepare(plan, never);
      t.match(await runtime.observe(id), [{ sandboxId: id }], 'what is only prepared is observed too');
      await runtime.start(plan, etcd, never);
      const first = await only(runtime, id);
      t.match(first, { name: 'etcd', state: 'running', specHash: etcd.specHash });
      await runtime.start(plan, etcd, never);
      t.same(await only(runtime, id), first, 'a second start finds the first');
      t.ok(
        (await runtime.observe()).some(({ sandboxId }) => sandboxId === id),
        'it is among all',
      );
    });
  });

  t.test('what is observed of a sandbox is its own, and of a service too', async (t) => {
    const owners = [runtime, runtime, conformance.neighbour ?? runtime];
    const [one, other, neighbours] = owners.map((owner) => ({ owner, ...etcdOn(owner) }));
    if (!one || !other || !neighbours) throw new Error('there are three');
    try {
      for (const { owner, plan } of [one, other, neighbours]) await owner.prepare(plan, never);
      const idsOf = async (id?: string) => (await runtime.observe(id)).map(({ sandboxId }) => sandboxId);
      t.same(await idsOf(one.id), [one.id]);
      t.equal((await idsOf()).includes(neighbours.id), !conformance.neighbour);
      await runtime.remove(one.id);
      t.same(await idsOf(one.id), []);
      t.same(await idsOf(other.id), [other.id]);
      t.match(await neighbours.owner.observe(neighbours.id), [{ sandboxId: neighbours.id }]);
    } finally {
      for (const { owner, id } of [one, other, neighbours]) await owner.remove(id);
    }
  });

  t.test('a component that is stopped and started again has its data', async (t) => {
    await withSandbox(async ({ id, plan, etcd }) => {
      await runtime.prepare(plan, never);
      await runtime.start(plan, etcd, never);
      await untilLogged(runtime, id, 'ready to serve client requests');
      await runtime.stop(id, 'etcd', 5000);
      t.match(await only(runtime, id), { state: 'exited' });
      await runtime.stop(id, 'etcd', 5000);
      await runtime.prepare(plan, never);
      await runtime.start(plan, etcd, never);
      t.match(await only(runtime, id), { state: 'running' });
      await t.resolves(untilLogged(runtime, id, 'restarting local member'));
    });
  });

  for (const [what, lose] of [
    ['is gone', conformance.removeData],
    ['was emptied', conformance.emptyData],
    ['was removed from the disk', conformance.removeFolder],
  ] as const) {
    if (!lose) continue;
    t.test(`what was ready and whose data ${what} is not started empty`, async (t) => {
      await withSandbox(async ({ id, plan, etcd }) => {
        const ready = { ...plan, mustHaveData: true };
        await runtime.prepare(plan, never);
        await runtime.start(plan, etcd, never);
        // etcd takes connections before it has made its log.
        await until(() =>
          runtime.prepare(ready, never).then(
            () => true,
            () => false,
          ),
        );
        await runtime.stop(id, 'etcd', 5000);
        await lose(id);
        for (const time of ['once', 'again']) {
          await t.rejects(runtime.prepare(ready, never), { code: 'data_lost', component: 'etcd' }, time);
        }
        // The daemon has no volume then that it could use.
        if (lose === conformance.removeFolder) return;
        await runtime.prepare(plan, never);
        await t.resolves(runtime.start(plan, etcd, never), 'one that has not been ready begins anew');
      });
    });
  }

  t.test('a component with another spec replaces the one that runs', async (t) => {
    await withSandbox(async ({ id, plan, etcd }) => {
      await runtime.prepare(plan, never);
      await runtime.start(plan, etcd, never);
      const changed = { ...etcd, args: [...etcd.args, '--snapshot-count=5000'], specHash: 'another' };
      await runtime.start(plan, changed, never);
      t.match(await only(runtime, id), { state: 'running', specHash: 'another' });
    });
  });

  t.test('a start that fails throws with the last log lines', async (t) => {
    await withSandbox(async ({ id, plan, etcd }) => {
      await runtime.prepare(plan, never);
      const broken = { ...etcd, args: [...etcd.args, '--heartbeat-interval=1000'], specHash: 'broken' };
      const error = await runtime.start(plan, broken, never).catch((thrown) => thrown);
      t.match(error, { code: 'component_exited', component: 'etcd' });
      t.match(error.logTail.join('\n'), refusal);
      t.match(await only(runtime, id), { state: 'exited' });
    });
  });

  t.test('an etcd that logs errors only has started as soon as it serves', async (t) => {
    await withSandbox(async ({ id, plan, etcd }) => {
      const quiet = { ...etcd, args: [...etcd.args, '--log-level=error'], specHash: 'quiet' };
      await runtime.prepare(plan, never);
      await t.resolves(runtime.start(plan, quiet, never));
      t.match(await only(runtime, id), { state: 'running' });
    });
  });

  t.test('a start on the port of another program throws port_taken', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await withSandbox(async ({ plan, etcd }) => {
      const listens = withPort(etcd, port, listenAddress);
      const withPorts = { ...plan, components: [listens] };
      await runtime.prepare(withPorts, never);
      await t.rejects(runtime.start(withPorts, listens, never), { code: 'port_taken' });
      other.close();
      await once(other, 'close');
      await runtime.start(withPorts, listens, never);
      t.match(await only(runtime, plan.sandboxId), { state: 'running' }, 'it starts when the port is free');
    });
  });

  t.test('logs: the last lines, and following', async (t) => {
    await withSandbox(async ({ id, plan, etcd }) => {
      for (const follow of [false, true]) {
        const opened = runtime.logs(id, 'etcd', { tail: 10, follow, signal: never });
        await t.rejects(opened, { code: 'logs_unavailable' }, 'that there is no log yet is told at once');
      }
      await runtime.prepare(plan, never);
      await runtime.start(plan, etcd, never);
      await t.resolves(untilLogged(runtime, id, 'ready to serve client requests'), 'following ends with its signal');
      // Stopped, so that no line comes after the last one.
      await runtime.stop(id, 'etcd', 5000);
      t.equal((await logText(runtime, id, 1)).trim().split('\n').length, 1);
    });
  });

  t.test('a log that is followed ends with its sandbox', async (t) => {
    await withSandbox(async ({ id, plan, etcd }) => {
      await runtime.prepare(plan, never);
      await runtime.start(plan, etcd, never);
      const chunks = await runtime.logs(id, 'etcd', { tail: 1000, follow: true, signal: never });
      let isRead = false;
      for await (const _ of chunks) {
        if (!isRead) await runtime.remove(id);
        isRead = true;
      }
      t.ok(isRead);
    });
  });

  t.test('following ends at once when the signal was aborted before', async (t) => {
    await withSandbox(async ({ id, plan, etcd }) => {
      await runtime.prepare(plan, never);
      await runtime.start(plan, etcd, never);
      const signal = AbortSignal.abort();
      for await (const _ of await runtime.logs(id, 'etcd', { tail: 0, follow: true, signal })) t.fail('read');
      t.pass('it has ended');
    });
  });

  t.test('a start whose signal was aborted does not happen', async (t) => {
    await withSandbox(async ({ id, plan, etcd }) => {
      await runtime.prepare(plan, never);
      await t.rejects(runtime.start(plan, etcd, AbortSignal.abort()));
      const running = (await runtime.observe(id)).flatMap(({ components }) => components);
      t.notOk(running.some(({ state }) => state === 'running'));
    });
  });

  t.test('after a removal nothing is left, and removing again is no error', async (t) => {
    const { id, plan, etcd } = etcdOn(runtime);
    await runtime.prepare(plan, never);
    await runtime.start(plan, etcd, never);
    await runtime.remove(id);
    t.same(await runtime.observe(id), []);
    t.notOk((await runtime.observe()).some(({ sandboxId }) => sandboxId === id));
    await t.resolves(runtime.remove(id));
    await t.rejects(logText(runtime, id), { code: 'logs_unavailable' });
  });
}

async function only(runtime: Runtime, id: string): Promise<ObservedComponent | undefined> {
  const [sandbox] = await runtime.observe(id);
  return sandbox?.components.find(({ name }) => name === 'etcd');
}

/** Follows the log until it has this text. */
async function untilLogged(runtime: Runtime, id: string, words: string): Promise<void> {
  const stop = new AbortController();
  let text = '';
  for await (const chunk of await runtime.logs(id, 'etcd', { tail: 1000, follow: true, signal: stop.signal })) {
    text += chunk.toString();
    if (text.includes(words)) stop.abort();
  }
}

async function logText(runtime: Runtime, id: string, tail = 1000): Promise<string> {
  let text = '';
  const chunks = await runtime.logs(id, 'etcd', { tail, follow: false, signal: never });
  for await (const chunk of chunks) text += chunk.toString();
  return text;
}
