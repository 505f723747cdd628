import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import { startFakeService } from '../support/fake-service.ts';

/** Which representation a client gets that says what it takes (RFC 9110, 12.5.1). */
t.setTimeout(60_000);
const service = await startFakeService();
t.teardown(() => service.close());
const client = await service.project('team');
const { id } = (await client.create()).body;
const yaml = 'application/yaml';
const json = 'application/json';
const events = 'text/event-stream; charset=utf-8';
const ndjson = 'application/x-ndjson';

/** The type of the answer, whose body is not read: a watch has no end. */
async function typeFor(path: string, accept: string): Promise<string> {
  const reader = new AbortController();
  const url = new URL(path, service.url());
  const response = await fetch(url, { headers: { ...client.authorization, accept }, signal: reader.signal });
  reader.abort();
  return response.ok ? (response.headers.get('content-type') ?? '') : String(response.status);
}

for (const [accept, type] of [
  ['*/*', yaml],
  ['application/*', yaml],
  [yaml, yaml],
  [json, json],
  ['APPLICATION/JSON', json],
  [`${json}; charset=utf-8`, json],
  [`${json};charset=utf-8;q=0.1, ${yaml}`, yaml],
  [`${json}, ${yaml};q=0.9`, json],
  [`${json};q=0.1, ${yaml}`, yaml],
  [`${json};q=0.9, */*;q=0.1`, json],
  [`${yaml};q=0, */*`, json],
  [`${yaml};q=0`, '406'],
  ['text/html', '406'],
] as const) {
  t.test(`kubeconfig, Accept: ${accept}`, async (t) => {
    t.match(await typeFor(`/v1/sandboxes/${id}/kubeconfig`, accept), new RegExp(`^${type}`));
  });
}

for (const [accept, type] of [
  ['*/*', events],
  ['text/*', events],
  ['text/event-stream', events],
  [events, events],
  [ndjson, ndjson],
  [`${ndjson}, */*;q=0.1`, ndjson],
  [`${ndjson};q=0.1, text/event-stream`, events],
  [`${ndjson};q=0, */*`, events],
  [`${ndjson};q=0`, '406'],
  [json, '406'],
] as const) {
  t.test(`watch, Accept: ${accept}`, async (t) => {
    t.equal(await typeFor('/v1/sandboxes/watch', accept), type);
  });
}

t.test('what cannot be had is refused, and what can be is told', async (t) => {
  const refused = await client.call<Problem>('GET', `/v1/sandboxes/${id}/kubeconfig`, undefined, {
    accept: 'text/html',
  });
  t.match(refused, { status: 406, body: { code: 'not_acceptable', detail: /application\/yaml.*application\/json/ } });
});
