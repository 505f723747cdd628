import t from 'tap';
import { takeHostLease } from '../../src/redis/calls/leases.ts';
import { connectForWork, redisAddress } from '../../src/redis/connection.ts';
import { startFakeService } from '../support/fake-service.ts';
import { shiftClock, withClock } from '../support/shift-clock.ts';

t.setTimeout(300_000);
// Each starts its service with the right time.
t.afterEach(() => shiftClock(0));

const hourMs = 3_600_000;
const aWhile = { spec: { ttlSeconds: 3000 } };
const aSecond = { spec: { ttlSeconds: 1 } };
/** How much the clock of the API, and that of the host, is ahead of the one of Redis. */
const clocks = [
  ['the clock of the host is ahead', { api: 0, host: hourMs }],
  ['the clock of the host is behind', { api: 0, host: -hourMs }],
  ['the clock of the API is ahead', { api: hourMs, host: 0 }],
  ['the clock of the API is behind', { api: -hourMs, host: 0 }],
] as const;

for (const [what, { api, host }] of clocks) {
  t.test(`a time to live ends when it has passed, while ${what}`, async (t) => {
    const service = await startFakeService();
    t.teardown(() => service.close());
    shiftClock(host);
    const { admin } = service;
    const create = async (body: object) =>
      (await withClock({ byMs: api, afterwards: host }, () => admin.call('POST', '/v1/sandboxes', body))).body;
    const lasting = await create(aWhile);
    t.equal(Date.parse(lasting.expiresAt ?? '') - Date.parse(lasting.createdAt), 3_000_000);
    await admin.waitFor(lasting.id, 'ready');
    // Each is ended by a sweep that has looked at the other, too.
    for (let sweep = 0; sweep < 2; sweep += 1) {
      const { id } = await create(aSecond);
      t.equal((await admin.waitFor(id, 'deleted')).status, 200, 'the short one has ended');
    }
    t.equal((await admin.get(lasting.id)).body.status?.phase, 'ready', 'the long one has not');
  });

  t.test(`of those that wait for a start the same ends, while ${what}`, async (t) => {
    const service = await startFakeService({ SANDPLANE_START_CONCURRENCY: '1' }, { startMs: () => 600_000 });
    t.teardown(() => service.close());
    shiftClock(host);
    const { admin } = service;
    const create = async (body: object) =>
      (await withClock({ byMs: api, afterwards: host }, () => admin.call('POST', '/v1/sandboxes', body))).body;
    const { id: starting } = await create({});
    await admin.waitFor(starting, 'provisioning');
    const { id: lasting } = await create(aWhile);
    const { id: short } = await create(aSecond);
    t.equal((await admin.waitFor(short, 'deleted')).status, 200, 'the short one has ended');
    t.equal((await admin.get(lasting)).body.status?.phase, 'pending', 'the long one has not');
    await admin.remove(starting);
  });
}

for (const [what, byMs] of [
  ['back', -hourMs],
  ['forth', hourMs],
] as const) {
  t.test(`leases are kept while the clock of a host is set ${what}`, async (t) => {
    const service = await startFakeService({ SANDPLANE_PORT_RANGE: '41000-41001' });
    t.teardown(() => service.close());
    const { admin, config, environment, redis } = service;
    const another = connectForWork(redisAddress(environment.REDIS_URL ?? ''));
    t.teardown(() => another.disconnect());
    await another.connect();
    const host = `{sandplane}:host:${config.workerName}`;
    const first = (await admin.create()).body;
    shiftClock(byMs);
    const isTaken = await takeHostLease(another, {
      keys: { lease: `${host}:lease` },
      holder: 'another',
      ttlMs: 10_000,
    });
    t.notOk(isTaken, 'the host is served by one worker');
    const left = await redis.pttl(`${host}:lease`);
    t.ok(left > 0 && left <= 10_000, 'whose lease ends soon unless it renews it');
    const second = (await admin.create()).body;
    t.match([first.status.phase, second.status.phase], ['ready', 'ready']);
    const ports = await redis.hgetall(`${host}:ports`);
    t.same(Object.values(ports).sort(), [first.id, second.id].sort(), 'each has a port of its own');
    await admin.remove(first.id);
    t.equal((await admin.create()).body.status.phase, 'ready', 'a port that is given back is free at once');
  });
}
