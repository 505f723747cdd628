import t from 'tap';
import { highPriority } from '../../src/queue/fair-priority.ts';
import { startQueue } from '../../src/queue/names.ts';
import { createProjects } from '../../src/tenancy/projects.ts';
import { quotas, startFakeHost } from '../support/fake-host.ts';
import { listenTo } from '../support/listener.ts';
import { aSandbox } from '../support/requests.ts';
import { until } from '../support/until.ts';

/** Which project's job is taken next, by the priorities that jobs get. */
t.setTimeout(60_000);
const host = await startFakeHost();
t.teardown(() => host.close());
const { queues, openQueue } = host;

/** A queue that no worker serves, so that what waits can be looked at. */
let count = 0;
function aQueue() {
  const runtime = `unserved-${++count}`;
  const queue = openQueue(startQueue(runtime));
  return {
    add: (project: string, id: string) => queues.addStart(runtime, { id, project }),
    /** Takes the next job as a worker does; its sandbox. */
    async take(): Promise<string> {
      const [job] = await queue.getPrioritized(0, 0);
      if (!job) throw new Error('nothing waits');
      await job.remove();
      await queues.noteTaken(queue.name, job.data.sandboxId.split('/')[0] ?? '', job.priority);
      return job.data.sandboxId;
    },
    waiting: async () => (await queue.getPrioritized()).map(({ data }) => data.sandboxId),
    queue,
  };
}

t.test('a project that asks for one does not wait behind hundreds of another', async (t) => {
  const { add, take } = aQueue();
  for (let i = 0; i < 300; i += 1) await add('flood', `flood/${i}`);
  const taken = [await take(), await take(), await take()];
  t.same(taken, ['flood/0', 'flood/1', 'flood/2']);
  await add('quiet', 'quiet/0');
  t.equal(await take(), 'quiet/0', 'it is next');
  await add('quiet', 'quiet/1');
  const next = [await take(), await take()];
  t.same(next.sort(), ['flood/3', 'quiet/1'], 'from then on they take turns');
});

t.test('within a project the first comes first, and projects that ask at once take turns', async (t) => {
  const { add, take } = aQueue();
  for (const project of ['a', 'b', 'c']) for (let i = 0; i < 3; i += 1) await add(project, `${project}/${i}`);
  const taken: string[] = [];
  for (let i = 0; i < 9; i += 1) taken.push(await take());
  t.same(taken, ['a/0', 'b/0', 'c/0', 'a/1', 'b/1', 'c/1', 'a/2', 'b/2', 'c/2']);
});

t.test('a create is not held up by those of another project, and waits for two writes of Redis', async (t) => {
  const letStart = Promise.withResolvers<undefined>();
  const busy = await startFakeHost({ slots: 1, onStart: () => letStart.promise });
  t.teardown(async () => {
    letStart.resolve(undefined);
    await busy.close();
  });
  await createProjects({ redis: busy.redis, keys: busy.keys, defaults: quotas }).create({ name: 'quiet' });
  const create = async (project: string) => (await busy.service.create({ project, subject: 'test' }, aSandbox)).id;
  await create('default');
  await until(async () => (await busy.starts.getActiveCount()) === 1);
  const flood = [await create('default'), await create('default'), await create('default')];

  const store = await listenTo(busy.redis);
  t.teardown(store.close);
  const { result: quiet, commands } = await store.during(() => create('quiet'));
  // The worker, which looks after the job that it has, asks meanwhile too.
  const scripts = commands.filter((one) => /^evalsha .*(:sandbox:|:fairness:|:start-process:prioritized )/.test(one));
  t.equal(scripts.length, 2, 'the record with its priority, and the job');

  const waiting = (await busy.starts.getPrioritized()).map(({ data }) => data.sandboxId);
  t.same(waiting, [quiet, ...flood]);
});

t.test('numbers that have become high begin again once nothing waits', async (t) => {
  const { add, take, queue } = aQueue();
  await queues.noteTaken(queue.name, 'other', highPriority);
  for (let i = 0; i < 3; i += 1) await add('one', `one/${i}`);
  t.same(
    (await queue.getPrioritized()).map(({ priority }) => priority),
    [highPriority, highPriority + 1, highPriority + 2],
  );
  for (let i = 0; i < 3; i += 1) t.equal(await take(), `one/${i}`);
  await add('one', 'one/3');
  t.equal((await queue.getPrioritized())[0]?.priority, 1);
});

t.test('within a project the order is kept, whenever the queue runs empty', async (t) => {
  const { add, take, waiting, queue } = aQueue();
  await add('one', 'one/0');
  const priorities: number[] = [];
  for (let i = 1; i < 20; i += 1) {
    // Taken before the next is there, and noted after it.
    const taking = i % 3 === 0 ? take() : undefined;
    await add('one', `one/${i}`);
    await taking;
    const last = (await queue.getPrioritized()).at(-1);
    priorities.push(last?.priority ?? 0);
  }
  t.same(
    await waiting(),
    [...(await waiting())].sort((a, b) => Number(a.slice(4)) - Number(b.slice(4))),
  );
  t.same(
    priorities,
    priorities.toSorted((a, b) => a - b),
  );
});

t.test('what waits already is not added again, and its position is told', async (t) => {
  const { add, waiting } = aQueue();
  for (const id of ['p/0', 'p/1', 'p/0']) await add('p', id);
  t.same(await waiting(), ['p/0', 'p/1']);
  t.same(await queues.startPositions(`unserved-${count}`, ['p/1', 'p/0', 'p/none']), [2, 1, null]);
  t.same(await queues.withoutStart(`unserved-${count}`, ['p/1', 'p/none']), ['p/none']);
});
