import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import type { UsageReport } from '../../src/schemas/usage.ts';
import { startFakeService } from '../support/fake-service.ts';

t.setTimeout(60_000);
const service = await startFakeService();
t.teardown(() => service.close());
const dayMs = 86_400_000;

async function usageOf(client: Awaited<ReturnType<typeof service.project>>, query = ''): Promise<UsageReport> {
  return (await client.call<UsageReport>('GET', `/v1/usage${query}`)).body;
}

t.test('sandbox-seconds and peaks, by project and label', async (t) => {
  const client = await service.project('counted');
  const began = performance.now();
  const one = (await client.create({ labels: { team: 'a' } })).body.id;
  const two = (await client.create({ labels: { team: 'b' } })).body.id;
  await delay(300);
  await client.call('PATCH', `/v1/sandboxes/${two}`, { labels: { team: 'a' } });
  await delay(300);
  await client.remove(one);
  await client.remove(two);
  const atMost = ((performance.now() - began) / 1000) * 2;
  const { total, labels } = await usageOf(client);
  t.equal(total.peak, 2);
  t.ok(total.sandboxSeconds > 1.1 && total.sandboxSeconds < atMost, `${total.sandboxSeconds} of ${atMost}`);
  const of = (label: string) => labels.find((one) => one.label === label);
  t.equal(of('team=a')?.peak, 2);
  t.equal(of('team=b')?.peak, 1);
  const sum = (of('team=a')?.sandboxSeconds ?? 0) + (of('team=b')?.sandboxSeconds ?? 0);
  t.ok(Math.abs(sum - total.sandboxSeconds) < 0.01, 'each second is counted for one label');
  await delay(50);
  t.same((await usageOf(client)).total, total, 'what is gone costs nothing');
});

t.test('very many labels are counted together', async (t) => {
  const client = await service.project('labels');
  const { id } = (await client.create()).body;
  for (let i = 0; i < 40; i += 1) {
    const labels = Object.fromEntries(Array.from({ length: 60 }, (_, j) => [`l${j}`, `v${i}`]));
    await client.call('PATCH', `/v1/sandboxes/${id}`, { labels });
  }
  await client.remove(id);
  const { labels } = await usageOf(client);
  t.ok(labels.length <= 1001, `${labels.length} labels`);
  t.ok(labels.some(({ label }) => label === '(other)'));
});

t.test('what runs over midnight is counted by day', async (t) => {
  const client = await service.project('nightly');
  const { id } = (await client.create()).body;
  // As if it had begun two and a half days ago.
  const counters = '{sandplane}:project:nightly';
  const since = Date.now() - 2.5 * dayMs;
  await service.redis.hset(counters, 'usage', `1:${since}:0:1`);
  const date = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const whole = (await usageOf(client, `?from=${date(since)}`)).total.sandboxSeconds;
  t.ok(Math.abs(whole - 2.5 * 86_400) < 5, `running: ${whole}`);
  await client.remove(id);
  const after = (await usageOf(client, `?from=${date(since)}`)).total;
  t.ok(Math.abs(after.sandboxSeconds - 2.5 * 86_400) < 5, `ended: ${after.sandboxSeconds}`);
  const yesterday = date(Date.now() - dayMs);
  const day = (await usageOf(client, `?from=${yesterday}&to=${yesterday}`)).total;
  t.same(day, { sandboxSeconds: 86_400, peak: 1 }, 'yesterday, all day');
});
