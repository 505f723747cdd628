import { setTimeout as delay } from 'node:timers/promises';
import { Webhook as Reference } from 'standardwebhooks';
import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import type { Webhook } from '../../src/schemas/webhook.ts';
import { until } from '../support/until.ts';
import { type Received, take, typesOf } from '../support/webhook-receiver.ts';
import { add, deliveriesOf, startDelivering, startReceiver } from './delivering.ts';

t.setTimeout(120_000);
const service = await startDelivering();

t.test('every event arrives, signed, once', async (t) => {
  const client = await service.project('plain');
  const receiver = await startReceiver();
  const { secret, id } = await add(client, { url: receiver.url });
  const { body } = await client.create({ name: 'watched' });
  await client.call('PATCH', `/v1/sandboxes/${body.id}`, { name: 'renamed' });
  await client.remove(body.id);
  await until(() => receiver.received.length >= 6);
  const wanted = ['created', 'provisioning', 'ready', 'updated', 'deleting', 'deleted'].map(
    (type) => `sandbox.${type}`,
  );
  t.same(typesOf(receiver.received).sort(), wanted.sort());
  const reference = new Reference(secret);
  for (const { headers, body } of receiver.received) {
    t.match(reference.verify(body, headers as Record<string, string>), { data: { sandbox: { project: 'plain' } } });
  }
  const [{ headers, body: text }] = receiver.received as [Received];
  t.throws(() => reference.verify(`${text} `, headers as Record<string, string>), 'an altered one is refused');
  const old = { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 600) };
  t.throws(
    () => reference.verify(text, { ...(old as object) } as Record<string, string>),
    'and one that is replayed later',
  );
  t.notMatch(JSON.stringify(await service.redis.hgetall(`{sandplane}:project:plain:webhook:${id}`)), secret.slice(6));
});

t.test('only what was asked for', async (t) => {
  const client = await service.project('filtered');
  const receiver = await startReceiver();
  await add(client, { url: receiver.url, events: ['sandbox.ready'] });
  await client.remove((await client.create()).body.id);
  await until(() => receiver.received.length >= 1);
  await delay(200);
  t.same(typesOf(receiver.received), ['sandbox.ready']);
});

t.test('a receiver that fails for a while loses nothing, and tells repeats by their id', async (t) => {
  const client = await service.project('failing');
  const receiver = await startReceiver(
    (response, _request, count) => void response.writeHead(count <= 4 ? 500 : 200).end(),
  );
  const { id, secret } = await add(client, { url: receiver.url });
  await client.create();
  await until(async () => {
    const all = await deliveriesOf(client, id);
    return all.length === 3 && all.every(({ state }) => state === 'delivered');
  });
  const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
  t.equal(new Set(ids).size, 3);
  t.equal(ids.length, 7, 'four tries failed');
  for (const { headers, body } of receiver.received)
    new Reference(secret).verify(body, headers as Record<string, string>);
  const [first] = (await deliveriesOf(client, id)).filter(({ attemptCount }) => attemptCount > 1);
  t.match(first?.attempts, [{ status: 500, durationMs: Number }], 'the log has the tries');
});

t.test('an outbox that was lost is made anew', async (t) => {
  const client = await service.project('outbox');
  const receiver = await startReceiver();
  await add(client, { url: receiver.url, events: ['sandbox.ready'] });
  await service.redis.del('{sandplane}:outbox');
  await client.create();
  await until(() => receiver.received.length === 1);
  t.pass('and what comes afterwards is delivered');
});

t.test('redirects are not followed', async (t) => {
  const client = await service.project('redirected');
  const goal = await startReceiver();
  const receiver = await startReceiver((response) => void response.writeHead(307, { location: goal.url }).end());
  const { id } = await add(client, { url: receiver.url, events: ['sandbox.ready'] });
  await client.create();
  await until(async () => (await deliveriesOf(client, id))[0]?.state === 'failed');
  t.match((await deliveriesOf(client, id))[0]?.attempts[0], { status: 307, error: /redirect/ });
  t.equal(goal.received.length, 0);
});

t.test('given up, disabled, told to the owner, enabled, replayed', async (t) => {
  const client = await service.project('dead');
  const receiver = await startReceiver((response) => void response.writeHead(503).end());
  const other = await startReceiver();
  const { id } = await add(client, { url: receiver.url, events: ['sandbox.ready'] });
  await add(client, { url: other.url, events: ['webhook.disabled'] });
  await client.create();
  await until(async () => (await client.call<Webhook>('GET', `/v1/webhooks/${id}`)).body.disabled);
  await until(() => other.received.length === 1);
  t.match(JSON.parse(other.received[0]?.body ?? ''), {
    type: 'webhook.disabled',
    data: { webhook: { id, disabled: true } },
  });
  const log = await client.call<{ items: object[] }>('GET', '/v1/audit');
  t.match(
    log.body.items.find((entry) => (entry as { subject: string }).subject === 'system'),
    {
      operation: 'disableWebhook',
      target: `/v1/webhooks/${id}`,
    },
  );
  await until(async () => (await deliveriesOf(client, id))[0]?.state === 'failed');
  const [failed] = await deliveriesOf(client, id);
  const early = await client.call<Problem>('POST', `/v1/webhooks/${id}/deliveries/${failed?.id}/replay`);
  t.match(early, { status: 409, body: { code: 'webhook_disabled' } });
  t.match(failed, { state: 'failed', attemptCount: 5 });
  receiver.state.respond = take;
  await client.call('PATCH', `/v1/webhooks/${id}`, { disabled: false });
  const replay = await client.call('POST', `/v1/webhooks/${id}/deliveries/${failed?.id}/replay`);
  t.equal(replay.status, 202);
  await until(async () => (await deliveriesOf(client, id))[0]?.state === 'delivered');
  t.equal(receiver.received.at(-1)?.headers['webhook-id'], failed?.messageId, 'receivers know it by its id');
});

t.test('of two replays at once one is made', async (t) => {
  const client = await service.project('twice');
  const receiver = await startReceiver();
  const { id } = await add(client, { url: receiver.url, events: ['sandbox.ready'] });
  await client.create();
  await until(async () => (await deliveriesOf(client, id))[0]?.state === 'delivered');
  const [delivery] = await deliveriesOf(client, id);
  const path = `/v1/webhooks/${id}/deliveries/${delivery?.id}/replay`;
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.call<Problem>('POST', path)));
  const made = answers.filter(({ status }) => status === 202).length;
  const refused = answers.filter(({ status }) => status === 409);
  t.equal(made + refused.length, 20);
  t.ok(refused.every(({ body }) => body.code === 'delivery_pending'));
  await until(async () => (await deliveriesOf(client, id))[0]?.state === 'delivered');
  t.equal((await deliveriesOf(client, id))[0]?.attemptCount, made + 1, 'each that was accepted is in the log');
  t.equal(receiver.received.length, made + 1, 'and was sent');
});
