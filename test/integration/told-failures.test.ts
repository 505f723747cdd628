import t from 'tap';
import { kubectlFor, kubectls } from '../support/kubectl.ts';
import { lastingLeftovers } from '../support/leftovers.ts';
import { pidOf } from '../support/pid-of.ts';
import { startTestService } from '../support/service.ts';
import { until } from '../support/until.ts';

/** What a user of a sandbox sees of it while its components are hurt: where writes fail, its status says so soon. */
t.setTimeout(600_000);
const service = await startTestService();
t.teardown(service.close);
const { client, config } = service;
const [current] = await kubectls(config);
const { id } = (await client.create()).body;
const kubectl = await kubectlFor(current?.file ?? '', config.dataDir, id, await client.kubeconfig(id));
const status = async () => (await client.get(id)).body.status;
let written = 0;

async function canWrite(): Promise<boolean> {
  written += 1;
  return await kubectl(['create', 'configmap', `c${written}`, '--request-timeout=5s']).then(
    () => true,
    () => false,
  );
}

for (const component of ['etcd', 'kube-apiserver']) {
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    t.test(`${signal} to ${component}: it does not stay ready while writes fail`, async (t) => {
      const before = await status();
      process.kill(await pidOf(id, `${component} --`), signal);
      let now = before;
      while (now.restarts === before.restarts || now.phase !== 'ready' || !(await canWrite())) {
        if (!(await canWrite())) await until(async () => (await status()).phase !== 'ready' || (await canWrite()));
        now = await status();
      }
      t.match(now, { phase: 'ready', failure: null }, 'and it comes back');
    });
  }
}

t.test('after its deletion nothing of it is left', async (t) => {
  await client.remove(id);
  t.same(await lastingLeftovers(service, id), []);
});
