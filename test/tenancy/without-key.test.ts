import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { startFakeService } from '../support/fake-service.ts';

/** No operation of the OpenAPI document is done without a key, however its path is spelled. */
t.setTimeout(60_000);
const service = await startFakeService();
t.teardown(() => service.close());
const client = await service.project('team');
const sandbox = (await client.create()).body.id;

interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
}
type Document = { paths: Record<string, Record<string, Operation>> };
const document = (await client.call<Document>('GET', '/openapi.json')).body;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([, { security }]) => security?.length !== 0)
    .map(([method, { operationId }]) => ({ operationId, method: method.toUpperCase(), path })),
);

/** As it is put into the request line: no client library may tidy it up. */
async function send(method: string, path: string) {
  const { hostname, port } = new URL(service.url());
  const headers = { 'content-type': 'application/json', 'content-length': '2' };
  const sent = request({ hostname, port, method, path, headers }).end('{}');
  const answer = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject);
  });
  return { status: answer.statusCode, body: method === 'HEAD' ? '' : await text(answer) };
}

const spellings: Readonly<Record<string, (path: string) => string>> = {
  plain: (path) => path,
  'percent-encoded': (path) => path.replace('/v1', '/%761'),
  'absolute form': (path) => `http://any.example${path}`,
  'two slashes': (path) => `/${path}`,
  'a dot': (path) => `/.${path}`,
};

t.ok(operations.length > 25, `${operations.length} operations that need a key`);

for (const { operationId, method, path } of operations) {
  t.test(operationId, async (t) => {
    const target = path
      .replace('{project}', 'team')
      .replace('{id}', path.includes('webhooks') ? 'wh-00000000000000000000' : sandbox)
      .replace('{key}', '000000000000')
      .replace('{delivery}', 'dl-1-0-00000000000000000000');
    for (const [name, spell] of Object.entries(spellings)) {
      for (const verb of method === 'GET' ? ['GET', 'HEAD'] : [method]) {
        const { status, body } = await send(verb, spell(target));
        t.ok(status === 401 || (status === 404 && name !== 'plain'), `${verb} ${name}: ${status}`);
        t.notMatch(body, /"phase"|"items"|"quotas"/, 'tells nothing');
      }
    }
  });
}

t.test('and nothing was changed', async (t) => {
  t.match((await client.get(sandbox)).body, { status: { phase: 'ready' }, resourceVersion: '3' });
  t.equal((await client.call<{ items: object[] }>('GET', '/v1/projects/team/keys')).body.items.length, 1);
});
