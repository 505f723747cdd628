import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import t from 'tap';
import type { Webhook } from '../../src/schemas/webhook.ts';
import { until } from '../support/until.ts';
import { type Received, take } from '../support/webhook-receiver.ts';
import { add, deliveriesOf, startDelivering, startReceiver } from './delivering.ts';

t.setTimeout(120_000);
const service = await startDelivering();

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
