import t from 'tap';
import { startFakeService } from '../support/fake-service.ts';
import { testAdminKey } from '../support/service.ts';

let startMs = 0;
const service = await startFakeService({}, { startMs: () => startMs });
t.teardown(() => service.close());
const { admin } = service;

const logsOf = (id: string, query: string) =>
  fetch(`${service.url()}/v1/sandboxes/${id}/logs?${query}`, {
    headers: { authorization: `Bearer ${testAdminKey}` },
    signal: AbortSignal.timeout(20_000),
  });

t.test('that there is no log yet is told, also to one who would follow it', async (t) => {
  startMs = 60_000;
  const { body } = await admin.call<{ id: string }>('POST', '/v1/sandboxes', {});
  for (const query of ['follow=false', 'follow=true', 'follow=true&component=etcd']) {
    const answer = await logsOf(body.id, query);
    t.match({ status: answer.status, body: await answer.json() }, { status: 409, body: { code: 'logs_unavailable' } });
  }
  await admin.call('DELETE', `/v1/sandboxes/${body.id}`);
});

t.test('a log that is followed ends, complete, when its sandbox is deleted', async (t) => {
  startMs = 0;
  const { body } = await admin.create();
  const answer = await logsOf(body.id, 'follow=true&component=etcd');
  t.equal(answer.status, 200);
  await admin.call('DELETE', `/v1/sandboxes/${body.id}`);
  t.match(await answer.text(), /starting local member/);
});
