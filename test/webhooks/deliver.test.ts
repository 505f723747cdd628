import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Webhook as Reference } from 'standardwebhooks';
import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import type { Delivery, Webhook, WebhookWithSecret } from '../../src/schemas/webhook.ts';
import { startFakeService } from '../support/fake-service.ts';
import { loseAnswer } from '../support/idempotency-entry.ts';
import { until } from '../support/until.ts';
import { type Received, type Respond, startWebhookReceiver, take, typesOf } from '../support/webhook-receiver.ts';

t.setTimeout(120_000);
const service = await startFakeService({
  SANDPLANE_WEBHOOK_ALLOWED_RANGES: '127.0.0.0/8',
  // As long as the real ones are in hours.
  SANDPLANE_WEBHOOK_RETRY_SECONDS: '0.05,0.1,0.2,0.3',
});
t.teardown(() => service.close());

const startReceiver = (respond?: Respond) => startWebhookReceiver(t, respond);
type Client = Awaited<ReturnType<typeof service.project>>;
const add = async (client: Client, body: object) =>
  (await client.call<WebhookWithSecret>('POST', '/v1/webhooks', body)).body;
const deliveriesOf = async (client: Client, id: string) =>
  (await client.call<{ items: Delivery[] }>('GET', `/v1/webhooks/${id}/deliveries?limit=500`)).body.items;

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

t.test('one that resets the connection, or is slow, or answers late', async (t) => {
  const client = await service.project('odd');
  const receiver = await startReceiver((response, request, count) => {
    if (count === 1) request.socket.destroy();
    else setTimeout(() => response.writeHead(200).end(), 400);
  });
  const { id } = await add(client, { url: receiver.url, events: ['sandbox.ready'] });
  await client.create();
  await until(async () => (await deliveriesOf(client, id))[0]?.state === 'delivered');
  t.match(await deliveriesOf(client, id), [{ attemptCount: 2, attempts: [{ error: /reset/ }, { status: 200 }] }]);
});

t.test('one that hangs does not hold up the others', async (t) => {
  const client = await service.project('hanging');
  const hanging = await startReceiver(() => undefined);
  const quick = await startReceiver();
  const { id: hangingId } = await add(client, { url: hanging.url });
  await add(client, { url: quick.url });
  for (let i = 0; i < 12; i += 1) await client.create();
  await until(() => quick.received.length === 36);
  t.ok(hanging.received.length <= 4, 'and gets few at a time');
  hanging.state.respond = take;
  hanging.letGo();
  await until(async () => (await deliveriesOf(client, hangingId)).every(({ state }) => state === 'delivered'));
  const ids = (received: readonly Received[]) => new Set(received.map(({ headers }) => headers['webhook-id']));
  t.same(ids(hanging.received), ids(quick.received), 'and once it answers, it gets all that it has missed');
});

t.test('one project with many receivers that hang does not hold up another', async (t) => {
  const [many, other] = [await service.project('many'), await service.project('other')];
  const hanging = await startReceiver(() => undefined);
  for (let i = 0; i < 20; i += 1) await add(many, { url: `${hanging.url}?${i}` });
  for (let i = 0; i < 3; i += 1) await many.create();
  await until(() => hanging.received.length >= 8);
  const quick = await startReceiver();
  await add(other, { url: quick.url, events: ['sandbox.ready'] });
  await other.create();
  await until(() => quick.received.length === 1);
  const receivers = new Set(hanging.received.map(({ url }) => url));
  // Those that hung for 15 s have been tried again, on a machine that is that slow.
  const messages = new Set(hanging.received.map(({ url, headers }) => `${url} ${headers['webhook-id']}`));
  t.equal(messages.size, receivers.size, 'of which each has one at a time until it takes something');
  hanging.state.respond = take;
  hanging.letGo();
  await until(() => new Set(hanging.received.map(({ headers }) => headers['webhook-signature'])).size >= 180);
});

t.test('jobs more than there should be send nothing more', async (t) => {
  const client = await service.project('doubled');
  const receiver = await startReceiver(() => undefined);
  const { id } = await add(client, { url: receiver.url, events: ['sandbox.ready'] });
  await client.create();
  await until(() => receiver.received.length === 1);
  const queue = new Queue('deliver', { connection: service.redis, prefix: '{sandplane}' });
  for (let i = 0; i < 5; i += 1) await queue.add('deliver', { project: 'doubled', webhookId: id });
  await until(async () => (await queue.getJobCountByTypes('waiting', 'active')) <= 1);
  t.equal(receiver.received.length, 1, 'while it is under way');
  receiver.state.respond = take;
  receiver.letGo();
  await until(async () => (await deliveriesOf(client, id))[0]?.state === 'delivered');
  t.match(await deliveriesOf(client, id), [{ attemptCount: 2 }]);
  await queue.add('deliver', { project: 'doubled', webhookId: id });
  await until(async () => (await queue.getJobCountByTypes('waiting', 'active')) === 0);
  t.equal(receiver.received.length, 2, 'nor afterwards');
});

t.test('a status counts, whatever becomes of the body', async (t) => {
  const client = await service.project('endless');
  const receiver = await startReceiver((response, request, count) => {
    response.writeHead(200).write('ok');
    if (count > 1) setTimeout(() => request.socket.destroy(), 100);
  });
  const { id } = await add(client, { url: receiver.url, events: ['sandbox.created', 'sandbox.ready'] });
  await client.create();
  await until(async () => (await deliveriesOf(client, id)).filter(({ state }) => state === 'delivered').length === 2);
  t.equal(receiver.received.length, 2, 'each was sent once');
});

t.test('of a receiver that is removed during a try nothing is left', async (t) => {
  const client = await service.project('removed');
  const receiver = await startReceiver(() => undefined);
  const { id } = await add(client, { url: receiver.url, events: ['sandbox.ready'] });
  await client.create();
  await until(() => receiver.received.length === 1);
  await client.call('DELETE', `/v1/webhooks/${id}`);
  receiver.letGo();
  const left = async () => [
    ...(await service.redis.keys('*:project:removed:webhook*')),
    ...(await service.redis.keys('*:project:removed:delivery*')),
    ...(await service.redis.zrange('{sandplane}:receivers-due', '0', '-1')).filter((member) =>
      member.startsWith('removed '),
    ),
  ];
  await until(async () => (await left()).length === 0);
  await delay(300);
  t.same(await left(), []);
});

t.test('several that answer 410 at once are told of once', async (t) => {
  const client = await service.project('gone');
  const waiting: ServerResponse[] = [];
  const receiver = await startReceiver();
  const other = await startReceiver();
  const { id } = await add(client, { url: receiver.url });
  await add(client, { url: other.url, events: ['webhook.disabled'] });
  await client.create();
  await until(async () => {
    const all = await deliveriesOf(client, id);
    return all.length === 3 && all.every(({ state }) => state === 'delivered');
  });
  receiver.state.respond = (response) => {
    waiting.push(response);
    if (waiting.length === 3) for (const one of waiting) one.writeHead(410).end();
  };
  await client.create();
  await until(async () => (await client.call<Webhook>('GET', `/v1/webhooks/${id}`)).body.disabled);
  await until(async () => (await deliveriesOf(client, id)).filter(({ state }) => state === 'failed').length === 3);
  await until(() => other.received.length > 0);
  await delay(200);
  t.equal(other.received.length, 1);
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

t.test('two live secrets while one is changed for the other', async (t) => {
  const client = await service.project('rotating');
  const receiver = await startReceiver();
  const { id, secret: old } = await add(client, { url: receiver.url, events: ['sandbox.ready'] });
  const rotated = await client.call<WebhookWithSecret>('POST', `/v1/webhooks/${id}/rotate`);
  t.not(rotated.body.secret, old);
  await client.create();
  await until(() => receiver.received.length === 1);
  const [{ headers, body }] = receiver.received as [Received];
  for (const secret of [old, rotated.body.secret]) {
    t.ok(new Reference(secret).verify(body, headers as Record<string, string>));
  }
  await client.call('POST', `/v1/webhooks/${id}/rotate`);
  await client.create();
  await until(() => receiver.received.length === 2);
  const [, second] = receiver.received as [Received, Received];
  t.throws(() => new Reference(old).verify(second.body, second.headers as Record<string, string>), 'not three');
});

t.test(
  'a rotation that is repeated, as its answer was lost, is one: the secret before it goes on signing',
  async (t) => {
    const client = await service.project('repeating');
    const receiver = await startReceiver();
    const { id, secret: old } = await add(client, { url: receiver.url, events: ['sandbox.ready'] });
    const rotate = () =>
      client.call<WebhookWithSecret>('POST', `/v1/webhooks/${id}/rotate`, undefined, { 'idempotency-key': 'turn' });
    const { body: first } = await rotate();
    await loseAnswer(service.redis, 'turn', 'repeating');
    const { body: again } = await rotate();
    t.equal(again.secret, first.secret);
    await client.create();
    await until(() => receiver.received.length === 1);
    const [{ headers, body }] = receiver.received as [Received];
    for (const secret of [old, first.secret]) {
      t.ok(new Reference(secret).verify(body, headers as Record<string, string>));
    }
  },
);

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

t.test('addresses that are not public are refused', async (t) => {
  const strict = await startFakeService();
  t.teardown(() => strict.close());
  for (const [url, code] of [
    ['https://127.0.0.1/', 'webhook_address_forbidden'],
    ['https://2130706433/', 'webhook_address_forbidden'],
    ['https://0x7f.1/', 'webhook_address_forbidden'],
    ['https://[::1]/', 'webhook_address_forbidden'],
    ['https://[::ffff:10.0.0.1]/', 'webhook_address_forbidden'],
    ['https://169.254.169.254/latest/', 'webhook_address_forbidden'],
    ['https://10.1.2.3/', 'webhook_address_forbidden'],
    ['https://localhost/', 'webhook_address_forbidden'],
    ['https://does-not-exist.invalid/', 'webhook_unresolvable'],
    ['http://8.8.8.8/', 'validation_failed'],
    ['https://user:pass@8.8.8.8/', 'validation_failed'],
    ['ftp://8.8.8.8/', 'validation_failed'],
    ['nonsense', 'validation_failed'],
  ] as const) {
    const { status, body } = await strict.admin.call<Problem>('POST', '/v1/webhooks', { url });
    t.equal(status, 422, url);
    t.match(body, { code, errors: [{ pointer: '/url' }] }, url);
  }
  t.same((await strict.admin.call<{ items: object[] }>('GET', '/v1/webhooks')).body.items, []);
});
