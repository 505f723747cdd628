import t from 'tap';
import { markProjectDeleting } from '../../src/redis/calls/projects.ts';
import { createProjectRemoval } from '../../src/sandbox/project-removal.ts';
import { createProjects } from '../../src/tenancy/projects.ts';
import { quotas, startFakeHost } from '../support/fake-host.ts';
import { aSandbox } from '../support/requests.ts';

/** A project that is deleted and made again while somebody is still at the deletion of the first. */
t.setTimeout(60_000);
const host = await startFakeHost();
t.teardown(() => host.close());
const { redis, keys, store, deletion } = host;
const projects = createProjects({ redis, keys, defaults: quotas });
const removal = (slow: typeof redis) => createProjectRemoval({ redis: slow, keys, store, deletion });

/** A connection that does `first` before the first call of a command. */
function interrupted(command: string, first: () => Promise<void>): typeof redis {
  let done = false;
  return new Proxy(redis, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      if (name !== command || done) return value.bind(target);
      return async (...given: unknown[]) => {
        done = true;
        await first();
        return await value.apply(target, given);
      };
    },
  });
}

async function makeAgain(): Promise<string> {
  await removal(redis).remove('shop', { withSandboxes: true });
  while (await projects.find('shop')) await removal(redis).advanceAll();
  await projects.create({ name: 'shop' });
  const { id } = await host.service.create({ project: 'shop', subject: 'test' }, aSandbox);
  return id;
}

for (const command of ['hmget', 'unlinkOfProject', 'forgetProject', 'zrange']) {
  t.test(`made again before ${command} of a late removal`, async (t) => {
    await projects.create({ name: 'shop' });
    await redis.hset(keys.usageOfDay('shop', 1), 'ms:', '1');
    await markProjectDeleting(redis, {
      keys: {
        project: keys.project('shop'),
        projectIndex: keys.projectIndex('shop'),
        projectsDeleting: keys.projectsDeleting,
      },
      name: 'shop',
      withSandboxes: true,
      expectedVersion: '',
    });
    let id = '';
    const late = removal(
      interrupted(command, async () => {
        id = await makeAgain();
      }),
    );
    await late.advanceAll();
    t.not(id, '', 'it came in between');
    t.match(await projects.find('shop'), { state: 'active', used: { sandboxes: 1 } });
    t.match(await store.read('shop', id), { status: { phase: /pending|provisioning|ready/ } });
    t.same((await store.page('shop', 10, null)).members, [id]);
    await removal(redis).remove('shop', { withSandboxes: true });
    while (await projects.find('shop')) await removal(redis).advanceAll();
  });
}
