import { createServer } from 'node:http';
import t from 'tap';
import { startFakeService } from '../support/fake-service.ts';
import { listenLocally } from '../support/listen-locally.ts';
import { until } from '../support/until.ts';

const service = await startFakeService({ SANDPLANE_WEBHOOK_ALLOWED_RANGES: '127.0.0.0/8' });
t.teardown(() => service.close());
t.setTimeout(120_000);

/** Receivers on one port, by their path: those on /hang/... never answer. */
async function startReceivers() {
  const got = new Map<string, number>();
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    got.set(url, (got.get(url) ?? 0) + 1);
    if (!url.startsWith('/hang')) response.writeHead(204).end();
  });
  return {
    base: `http://127.0.0.1:${await listenLocally(t, server)}`,
    gotBy: (path: string) => got.get(path) ?? 0,
  };
}

for (const [project, hanging, sandboxes] of [
  ['two', 2, 20],
  ['nineteen', 19, 8],
] as const) {
  t.test(`${project} receivers that hang do not hold up one of the same project`, async (t) => {
    const client = await service.project(project, ['admin'], { sandboxes: sandboxes + 1 });
    const { base, gotBy } = await startReceivers();
    const paths = Array.from({ length: hanging }, (_one, i) => `/hang/${i}`);
    for (const path of [...paths, '/quick']) await client.call('POST', '/v1/webhooks', { url: base + path });
    for (let i = 0; i < sandboxes; i += 1) await client.create();
    const sent = 3 * sandboxes;
    await until(() => gotBy('/quick') === sent || paths.some((path) => gotBy(path) > 4));
    t.equal(gotBy('/quick'), sent, 'it has got all, while the first tries of the others still hang');
  });
}
