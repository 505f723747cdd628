import t from 'tap';
import type { Delivery } from '../../src/schemas/webhook.ts';
import { startFakeService } from '../support/fake-service.ts';
import { until } from '../support/until.ts';
import { type Received, startWebhookReceiver, take } from '../support/webhook-receiver.ts';
import { add } from './delivering.ts';

t.setTimeout(120_000);
const service = await startFakeService({
  SANDPLANE_WEBHOOK_ALLOWED_RANGES: '127.0.0.0/8',
  SANDPLANE_RATE_LIMIT: '1000000',
});
t.teardown(() => service.close());

type Client = Awaited<ReturnType<typeof service.project>>;

async function deliveriesOf(client: Client, id: string): Promise<Delivery[]> {
  const all: Delivery[] = [];
  let cursor = '';
  do {
    const { body } = await client.call<{ items: Delivery[]; nextCursor: string | null }>(
      'GET',
      `/v1/webhooks/${id}/deliveries?limit=500${cursor}`,
    );
    all.push(...body.items);
    cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : '';
  } while (cursor);
  return all;
}

/** Puts an event of a project among those to be told, as a change of a sandbox does. */
async function tell(project: string, name: string, id = '*'): Promise<void> {
  const change = JSON.stringify({ type: 'updated', reason: 'Test', message: '' });
  await service.redis.xadd('{sandplane}:outbox', id, 'p', project, 'j', change, 's', JSON.stringify({ name }));
}
async function tellMany(project: string, count: number): Promise<void> {
  for (let done = 0; done < count; done += 500) {
    await Promise.all(Array.from({ length: Math.min(500, count - done) }, (_none, i) => tell(project, `n${done + i}`)));
  }
}
const namesOf = (received: readonly Received[]) =>
  received.map(({ body }) => (JSON.parse(body) as { data: { sandbox: { name: string } } }).data.sandbox.name);

t.test('of what is done, the log keeps the last 1,000 of a receiver', async (t) => {
  const client = await service.project('busy');
  const receiver = await startWebhookReceiver(t);
  const { id } = await add(client, { url: receiver.url });
  await tellMany('busy', 1100);
  await until(() => receiver.received.length >= 1100);
  await tell('busy', 'last');
  await until(async () => (await deliveriesOf(client, id)).every(({ state }) => state === 'delivered'));
  await until(() => namesOf(receiver.received).includes('last'));
  const kept = await deliveriesOf(client, id);
  t.equal(kept.length, 1000);
  const last = receiver.received.find(({ body }) => body.includes('"last"'))?.headers['webhook-id'];
  t.ok(
    kept.some(({ messageId }) => messageId === last),
    'the newest is among them',
  );
  t.equal((await service.redis.keys('*:project:busy:delivery:*')).length, 1000, 'nothing is left of the others');
});

t.test('of more than 10,000 that wait for a receiver, the log says so', async (t) => {
  const client = await service.project('stuck');
  const receiver = await startWebhookReceiver(t, () => undefined);
  const { id } = await add(client, { url: receiver.url });
  // As if so many more waited to be tried again in an hour.
  const fill = `for i = 1, 9999 do redis.call('ZADD', KEYS[1], ARGV[1], 'dl-' .. i) end`;
  await service.redis.eval(fill, 1, `{sandplane}:project:stuck:webhook:${id}:later`, Date.now() + 3_600_000);
  await tellMany('stuck', 3);
  const failed = async () => (await deliveriesOf(client, id)).filter(({ state }) => state === 'failed');
  await until(async () => (await failed()).length === 2);
  const [refused] = await failed();
  t.match(refused, { attempts: [{ status: null, error: /10000 others were waiting/ }], nextAttemptAt: null });
  t.same((await deliveriesOf(client, id)).map(({ state }) => state).sort(), ['failed', 'failed', 'pending']);
  receiver.state.respond = take;
  receiver.letGo();
  const replay = await client.call('POST', `/v1/webhooks/${id}/deliveries/${refused?.id}/replay`);
  t.equal(replay.status, 202);
  await until(() => receiver.received.some(({ headers }) => headers['webhook-id'] === refused?.messageId));
  t.pass('and it can be replayed');
});

t.test('a receiver gets no event from before it was there', async (t) => {
  const client = await service.project('late');
  const receiver = await startWebhookReceiver(t);
  const { id } = await add(client, { url: receiver.url });
  await service.redis.del('{sandplane}:outbox');
  // An hour ago, when there was another project of that name.
  await tell('late', 'before', `${Date.now() - 3_600_000}-0`);
  await tell('late', 'after');
  await until(() => receiver.received.length > 0);
  await until(async () => (await deliveriesOf(client, id)).every(({ state }) => state === 'delivered'));
  t.same(namesOf(receiver.received), ['after']);
});
