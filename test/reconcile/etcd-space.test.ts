import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import t from 'tap';
import { createLogger } from '../../src/logger.ts';
import { createEtcdSpace } from '../../src/reconcile/etcd-space.ts';
import type { SandboxRecord } from '../../src/sandbox/record.ts';
import { aSandbox } from '../support/requests.ts';
import { temporaryFolder } from '../support/service.ts';

const folder = await temporaryFolder();
t.teardown(() => rm(folder, { recursive: true, force: true }));
const quota = 1000;
const record = {
  sandbox: {
    ...aSandbox,
    id: 'sb-1',
    spec: { ...aSandbox.spec, etcd: { extraArgs: { 'quota-backend-bytes': '1000' } } },
  },
} as unknown as SandboxRecord;

/** An etcd that has reached its quota, as far as it is asked here. It has one answer by path that is taken once. */
async function fullEtcd({ inUse, once: first = {} }: { inUse: number; once?: Record<string, [number, object]> }) {
  const state = { inUse, revision: 7, isFull: true, asked: [] as string[] };
  const answers: Record<string, (body: { action?: string }) => object> = {
    alarm({ action }) {
      if (action === 'DEACTIVATE') state.isFull = false;
      return { alarms: state.isFull ? [{ memberID: '1', alarm: 'NOSPACE' }] : [] };
    },
    status: () => ({ header: { revision: String(state.revision) }, dbSizeInUse: String(state.inUse) }),
    compaction: () => ({}),
    defragment: () => ({}),
  };
  const server = createServer(async (request, response) => {
    const name = path.basename(request.url ?? '');
    let text = '';
    for await (const chunk of request) text += chunk;
    state.asked.push(name);
    const [status, answer] = first[name] ?? [200, answers[name]?.(JSON.parse(text)) ?? {}];
    delete first[name];
    response.writeHead(status).end(JSON.stringify(answer));
  });
  const socket = path.join(folder, randomUUID().slice(0, 8));
  server.listen(socket);
  await once(server, 'listening');
  const space = createEtcdSpace({ logger: createLogger('silent'), signal: new AbortController().signal });
  const look = async () => {
    const hasSpace = await space.hasSpace({ etcdSocket: async () => socket }, record);
    await space.settled();
    return hasSpace;
  };
  const close = () => void server.close();
  return { state, socket, look, close };
}

t.test('once there is room, an etcd takes writes again at the second look', async (t) => {
  const { state, look, close } = await fullEtcd({ inUse: quota / 2 });
  t.teardown(close);
  t.equal(await look(), false);
  t.same(state.asked, ['alarm', 'status', 'compaction', 'defragment', 'status', 'alarm']);
  t.equal(await look(), true);
});

t.test('while there is no room it is not tried in vain', async (t) => {
  const { state, look, close } = await fullEtcd({ inUse: quota });
  t.teardown(close);
  for (let looks = 0; looks < 3; looks += 1) t.equal(await look(), false);
  t.equal(state.asked.filter((name) => name === 'defragment').length, 1, 'nothing has changed since');
  Object.assign(state, { revision: 8, inUse: 10 });
  while (!(await look()));
  t.equal(state.asked.filter((name) => name === 'defragment').length, 2, 'something has');
});

t.test('what was cut off, or fails, is tried again', async (t) => {
  const compacted = { message: 'etcdserver: mvcc: required revision has been compacted' };
  for (const first of [{ defragment: [500, {}] }, { alarm: [500, {}] }, { compaction: [400, compacted] }] as Record<
    string,
    [number, object]
  >[]) {
    const { look, close } = await fullEtcd({ inUse: 10, once: first });
    t.teardown(close);
    const looks = [await look(), await look(), await look()];
    t.equal(looks.at(-1), true, JSON.stringify(Object.keys(first)));
  }
});

t.test('a link to the socket of another is not followed', async (t) => {
  const { state, socket, close } = await fullEtcd({ inUse: 10 });
  t.teardown(close);
  const link = path.join(folder, 'link');
  await symlink(socket, link);
  const space = createEtcdSpace({ logger: createLogger('silent'), signal: new AbortController().signal });
  t.equal(await space.hasSpace({ etcdSocket: async () => link }, record), null);
  t.same(state.asked, []);
});

t.test('an etcd that does not answer tells nothing', async (t) => {
  const space = createEtcdSpace({ logger: createLogger('silent'), signal: new AbortController().signal });
  t.equal(await space.hasSpace({ etcdSocket: async () => path.join(folder, 'none') }, record), null);
  t.equal(await space.hasSpace({ etcdSocket: async () => null }, record), null);
});
