import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { startApiProcess } from '../support/api-process.ts';
import { startFakeService } from '../support/fake-service.ts';
import { until } from '../support/until.ts';
import { type Seen, watchAt } from '../support/watch-client.ts';

t.setTimeout(240_000);
const service = await startFakeService({ SANDPLANE_RATE_LIMIT: '1000000' });
t.teardown(() => service.close());

const versionsOf = (seen: readonly Seen[]) => seen.flatMap(({ sandbox }) => sandbox?.resourceVersion ?? []);

t.test('2,000 watchers see 100 changes, through a restart of the API in the middle', async (t) => {
  const client = await service.project('crowd');
  const { body } = await client.create();
  const { environment } = service;
  let api = await startApiProcess(environment);
  const open = (count: number) => Array.from({ length: count }, () => watchAt(api.url, client, path));
  const path = '/v1/sandboxes/watch';
  // On a busy machine the store may take longer than a request waits for it: then it is told to try again.
  const change = (i: number) =>
    until(
      async () => (await client.call('PATCH', `/v1/sandboxes/${body.id}`, { name: `change-${i}` })).status === 200,
      () => `change ${i}`,
    );

  const watchers = open(2000);
  await until(
    () => watchers.every(({ seen }) => seen.length === 1),
    () => tally(watchers),
  );
  for (let i = 0; i < 50; i += 1) await change(i);
  await api.stop();
  await Promise.all(watchers.map(({ state }) => state.done));

  api = await startApiProcess(environment);
  t.teardown(() => api.stop());
  await warmUp(open);
  const before = await api.heapMb();
  // As browsers do: again, from where they were.
  const resumed = watchers.map(({ state }) => watchAt(api.url, client, path, state.lastId));
  for (let i = 50; i < 100; i += 1) await change(i);
  const seenBy = (i: number) => [...(watchers[i]?.seen ?? []), ...(resumed[i]?.seen ?? [])];
  await until(
    () => resumed.every(({ state }, i) => state.status >= 400 || seenBy(i).length >= 101),
    () => tally(resumed),
  );
  const expected = Array.from({ length: 101 }, (_, i) => i + 3).join();
  const wrong = resumed.filter((_one, i) => versionsOf(seenBy(i)).join() !== expected);
  t.equal(wrong.length, 0, 'each saw each change once, in order');

  for (const { stop } of resumed) stop();
  await Promise.all(resumed.map(({ state }) => state.done));
  let after = await api.heapMb();
  for (let tries = 0; after > before * 1.1 && tries < 20; tries += 1) {
    await delay(250);
    after = await api.heapMb();
  }
  t.ok(after <= before * 1.1, `the API's heap: ${before.toFixed(1)} MB before, ${after.toFixed(1)} MB after`);
});

/** What is made once, whoever comes first. */
async function warmUp(open: (count: number) => ReturnType<typeof watchAt>[]): Promise<void> {
  const first = open(100);
  await until(() => first.every(({ seen }) => seen.length >= 1));
  for (const { stop } of first) stop();
  await Promise.all(first.map(({ state }) => state.done));
}

/** How many watches are in which state: for who has to find out why one hangs. */
function tally(watches: readonly ReturnType<typeof watchAt>[]): Record<string, number> {
  const states = Object.groupBy(watches, ({ state, seen }) => `status ${state.status}, ${seen.length} events`);
  return Object.fromEntries(Object.entries(states).map(([name, found]) => [name, found?.length ?? 0]));
}
