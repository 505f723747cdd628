import { once } from 'node:events';
import { type ClientReadableStream, status as codes, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import t from 'tap';
import { readContract } from '../../src/grpc/contract.ts';
import { readGoogleRpc } from '../../src/grpc/google-rpc.ts';
import { codecOf } from '../../src/grpc/messages.ts';
import { startFakeService } from '../support/fake-service.ts';
import { connectTo, withKey } from '../support/grpc-package.ts';
import { until } from '../support/until.ts';

t.setTimeout(240_000);
let startMs = 200;
const service = await startFakeService(
  { SANDPLANE_RATE_LIMIT: '1000000', SANDPLANE_FEED_LENGTH: '300', SANDPLANE_WATCHES_PER_PROJECT: '10' },
  { startMs: () => startMs },
);
t.teardown(() => service.close());
const googleRpc = readGoogleRpc();

interface Change {
  readonly type: string;
  readonly id: string;
  readonly sandbox: { readonly id: string; readonly name: string; readonly resourceVersion: string } | null;
}
type Project = Awaited<ReturnType<typeof service.project>>;

function connect(project: Project, address = service.grpcAddress()) {
  const client = connectTo(address) as never as Record<string, (...given: unknown[]) => ClientReadableStream<Change>>;
  t.teardown(() => (client as never as { close(): void }).close());
  const metadata = withKey(project.authorization.authorization?.replace('Bearer ', '') ?? '');
  return {
    stream(method: string, request: object, options: object = {}) {
      const seen: Change[] = [];
      const call = client[method]?.(request, metadata, options) as ClientReadableStream<Change>;
      const ended = Promise.withResolvers<StatusObject>();
      call.on('data', (change: Change) => seen.push(change));
      call.on('error', () => undefined);
      call.on('status', (status) => ended.resolve(status));
      return { seen, cancel: () => call.cancel(), ended: ended.promise, call };
    },
    async unary<Answer>(method: string, request: object, options: object = {}): Promise<Answer> {
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      client[method]?.(request, metadata, options, (error: ServiceError | null, answer: Answer) =>
        error ? reject(error) : resolve(answer),
      );
      return await promise;
    },
  };
}

function detailOf(status: Buffer, name: string): Buffer {
  const { details } = googleRpc('Status').decode(status) as never as { details: { type_url: string; value: Buffer }[] };
  const found = details.find(({ type_url: url }) => url.endsWith(`.${name}`));
  if (!found) throw new Error(`no ${name}`);
  return found.value;
}

t.test('a watch tells what is there, then each change once and in order, and is resumed', async (t) => {
  const project = await service.project('plain');
  const { body } = await project.create({ name: 'first' });
  await project.waitFor(body.id, 'ready');
  const client = connect(project);
  const first = client.stream('watchSandboxes', {});
  await until(() => first.seen.length >= 2);
  t.same(
    first.seen.map(({ type }) => type),
    ['CHANGE_TYPE_ADDED', 'CHANGE_TYPE_BOOKMARK'],
  );
  for (const name of ['a', 'b']) await project.call('PATCH', `/v1/sandboxes/${body.id}`, { name });
  await until(() => first.seen.length === 4);
  first.cancel();
  t.equal((await first.ended).code, codes.CANCELLED);
  for (const name of ['c', 'd']) await project.call('PATCH', `/v1/sandboxes/${body.id}`, { name });
  const second = client.stream('watchSandboxes', { since: first.seen.at(-1)?.id });
  const namesOf = () => second.seen.flatMap(({ sandbox }) => sandbox?.name ?? []);
  await until(() => namesOf().length === 2);
  t.same(namesOf(), ['c', 'd']);
  second.cancel();
});

t.test('a watch of one sandbox ends with it', async (t) => {
  const project = await service.project('single');
  const { body } = await project.create();
  const watching = connect(project).stream('watchSandbox', { id: body.id });
  await until(() => watching.seen.length > 0);
  await project.remove(body.id);
  t.equal((await watching.ended).code, codes.OK);
  t.equal(watching.seen.at(-1)?.type, 'CHANGE_TYPE_DELETED');
});

t.test('by label: who comes to match is added, who no longer does is deleted', async (t) => {
  const project = await service.project('labels');
  const { body } = await project.create({ labels: { team: 'qa' } });
  await project.waitFor(body.id, 'ready');
  const watching = connect(project).stream('watchSandboxes', { labelSelectors: ['team=ci'] });
  await until(() => watching.seen.length === 1);
  await project.call('PATCH', `/v1/sandboxes/${body.id}`, { labels: { team: 'ci' } });
  await project.call('PATCH', `/v1/sandboxes/${body.id}`, { labels: { team: 'qa' } });
  await until(() => watching.seen.length === 3);
  t.same(
    watching.seen.map(({ type }) => type),
    ['CHANGE_TYPE_BOOKMARK', 'CHANGE_TYPE_ADDED', 'CHANGE_TYPE_DELETED'],
  );
  watching.cancel();
});

t.test('past its deadline a call ends, and the work goes on to a good end', async (t) => {
  const project = await service.project('hurried');
  const client = connect(project);
  startMs = 12_000;
  const created = client.unary('createSandbox', { name: 'slow', waitSeconds: 60 }, { deadline: Date.now() + 6000 });
  await t.rejects(created, { code: codes.DEADLINE_EXCEEDED });
  startMs = 200;
  const { items } = (await project.call<{ items: { id: string }[] }>('GET', '/v1/sandboxes')).body;
  t.equal(items.length, 1);
  const ready = await project.waitFor(items[0]?.id ?? '', 'ready');
  t.equal(ready.body.name, 'slow');
});

t.test('a log that is not there yet is refused before anything of it is sent', async (t) => {
  const project = await service.project('early');
  startMs = 60_000;
  const { body } = await project.call('POST', '/v1/sandboxes', {});
  const { call, ended } = connect(project).stream('getLogs', { id: body.id, follow: true });
  let isBegun = false;
  call.on('metadata', () => {
    isBegun = true;
  });
  t.equal((await ended).code, codes.FAILED_PRECONDITION);
  t.notOk(isBegun);
  startMs = 200;
  await project.call('DELETE', `/v1/sandboxes/${body.id}`);
});

t.test('too many watches, and their places are free again once they are cancelled', async (t) => {
  const project = await service.project('crowd');
  const client = connect(project);
  const watches = Array.from({ length: 10 }, () => client.stream('watchSandboxes', {}));
  await until(() => watches.every(({ seen }) => seen.length > 0));
  t.equal((await client.stream('watchSandboxes', {}).ended).code, codes.RESOURCE_EXHAUSTED);
  for (const { cancel } of watches) cancel();
  const tryAgain = async () => {
    const again = client.stream('watchSandboxes', {}, { deadline: Date.now() + 300 });
    await again.ended;
    return again.seen.length > 0;
  };
  await until(tryAgain);
});

t.test('a position that is too old is told with what is there', async (t) => {
  const project = await service.project('late');
  const { body } = await project.create();
  const client = connect(project);
  const { since } = (await project.call<{ since: string }>('GET', '/v1/sandboxes')).body;
  for (let i = 0; i < 700; i += 1) await project.call('PATCH', `/v1/sandboxes/${body.id}`, { name: `n${i}` });
  for (let i = 0; i < 40; i += 1) await project.create({ labels: { filler: 'x'.repeat(60) } });
  const { code, metadata } = await client.stream('watchSandboxes', { since }).ended;
  t.equal(code, codes.OUT_OF_RANGE);
  const [details] = metadata.get('grpc-status-details-bin') as Buffer[];
  t.ok((details?.length ?? 0) < 6000, 'no more than clients take');
  const expired = detailOf(details as Buffer, 'WatchExpired');
  const fresh = codecOf(readContract().message('WatchExpired')).decode(expired) as {
    items: unknown[];
    since: string;
    complete: boolean;
  };
  t.ok(fresh.items.length > 0, 'as much as an error holds');
  t.equal(fresh.complete, false, 'the rest is to be listed');
  const again = client.stream('watchSandboxes', { since: fresh.since });
  await until(() => again.seen.length > 0);
  again.cancel();
});

t.test('a revoked key ends its watch; the end of the service ends all', async (t) => {
  const project = await service.project('revoked');
  const key = (await project.call<{ id: string; secret: string }>('POST', '/v1/projects/revoked/keys', { name: 'k' }))
    .body;
  const watching = connect(service.as(key.secret)).stream('watchSandboxes', {});
  await until(() => watching.seen.length > 0);
  await project.call('DELETE', `/v1/projects/revoked/keys/${key.id}`);
  t.equal((await watching.ended).code, codes.UNAUTHENTICATED);

  const another = await service.anotherApi();
  const last = connect(project, another.grpcAddress).stream('watchSandboxes', {});
  await until(() => last.seen.length > 0);
  await another.close();
  t.equal((await last.ended).code, codes.UNAVAILABLE);
});

t.test('one that does not read holds up nobody, and is let go when the service stops', async (t) => {
  const project = await service.project('stalled');
  const { body } = await project.create();
  const another = await service.anotherApi();
  const stalled = connect(project, another.grpcAddress).stream('watchSandboxes', {});
  await once(stalled.call, 'data');
  stalled.call.pause();
  const reading = connect(project, another.grpcAddress).stream('watchSandboxes', {});
  await until(() => reading.seen.length > 0);
  const labels = (i: number) =>
    Object.fromEntries(Array.from({ length: 60 }, (_, j) => [`l${j}`, `${'v'.repeat(50)}${i}`]));
  for (let i = 0; i < 200; i += 1) await project.call('PATCH', `/v1/sandboxes/${body.id}`, { labels: labels(i) });
  await until(() => reading.seen.filter(({ type }) => type === 'CHANGE_TYPE_MODIFIED').length >= 200);
  const began = performance.now();
  await another.close();
  t.ok(performance.now() - began < 10_000, 'stopped');
  stalled.cancel();
});
