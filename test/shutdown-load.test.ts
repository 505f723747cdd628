import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { startApiProcess } from './support/api-process.ts';
import { startFakeService } from './support/fake-service.ts';
import { createClient } from './support/service.ts';

t.setTimeout(240_000);

const perSecond = 200;

t.test(
  'SIGTERM at 200 creates a second: each that was acknowledged becomes ready, and the exit code is 0',
  async (t) => {
    const unlimited = {
      SANDBOXES: '100000',
      AWAKE: '100000',
      STARTS_PER_MINUTE: '100000',
      MEMORY_MIB: '1000000000',
      DISK_MIB: '1000000000',
    };
    const quotas = Object.fromEntries(
      Object.entries(unlimited).map(([name, value]) => [`SANDPLANE_QUOTA_${name}`, value]),
    );
    const service = await startFakeService({
      ...quotas,
      SANDPLANE_RATE_LIMIT: '1000000',
      SANDPLANE_START_CONCURRENCY: '50',
    });
    t.teardown(() => service.close());
    const api = await startApiProcess(service.environment);
    const client = createClient(() => api.url);
    const sent: Promise<{ status: number; id: string } | null>[] = [];
    const send = () => {
      const body = { name: `load-${sent.length}` };
      // An API that has ended takes no connections.
      const answer = client.call('POST', '/v1/sandboxes', body).catch(() => null);
      sent.push(answer.then((given) => given && { status: given.status, id: given.body.id }));
    };
    /** By the clock: whatever a round takes, the next one sends what is due by then. */
    const sendForSeconds = async (seconds: number) => {
      const began = performance.now();
      const [before, all] = [sent.length, seconds * perSecond];
      while (sent.length < before + all) {
        await delay(1000 / perSecond);
        const due = Math.min(all, ((performance.now() - began) / 1000) * perSecond);
        while (sent.length < before + due) send();
      }
    };
    await sendForSeconds(1);
    // Some are answered, and the last are under way.
    await sent[0];
    const exit = api.stop();
    await sendForSeconds(2);
    t.equal(await exit, 0, 'the exit code');
    const answers = (await Promise.all(sent)).filter((answer) => answer !== null);
    const acknowledged = answers.filter(({ status }) => status < 300);
    t.ok(acknowledged.length > 0, 'some were acknowledged');
    t.ok(acknowledged.length < sent.length, 'and it ended in the middle');
    t.same([...new Set(answers.map(({ status }) => status).filter((status) => status >= 300 && status !== 503))], []);

    const again = await startApiProcess(service.environment);
    t.teardown(() => again.stop());
    const after = createClient(() => again.url);
    for (const { id } of acknowledged) {
      const { status, body } = await after.waitFor(id, 'ready');
      t.match({ status, phase: body.status?.phase }, { status: 200, phase: 'ready' }, id);
    }
  },
);
