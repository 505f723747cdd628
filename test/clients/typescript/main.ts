/**
 * Sandplane from TypeScript: types of the API by openapi-typescript, calls by openapi-fetch, and @kubernetes/client-node
 * for what is in the sandbox. Copy it, make the types as run.sh does, and set SANDPLANE_URL and SANDPLANE_KEY.
 *
 * SANDPLANE_FULL_KEY is only for the last kind of error: the key of a project that may have no sandbox.
 */
import assert from 'node:assert/strict';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import createClient from 'openapi-fetch';
import type { components, paths } from './generated/sandplane.d.ts';

type Problem = components['schemas']['Problem'];

const { SANDPLANE_URL: baseUrl = 'http://127.0.0.1:7800', SANDPLANE_KEY = '', SANDPLANE_FULL_KEY = '' } = process.env;
const clientWith = (key: string) => createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${key}` } });
const sandplane = clientWith(SANDPLANE_KEY);

/** What was answered, or the problem as an error: `code` is stable, and what to branch on. */
function orThrow<Data>({ data, error }: { data?: Data; error?: Problem }): Data {
  if (error) throw new Error(`${error.code}: ${error.detail}`, { cause: error });
  return data as Data;
}

const created = orThrow(
  await sandplane.POST('/v1/sandboxes', {
    // Sent again with the same key, it makes no second one.
    params: { header: { 'idempotency-key': crypto.randomUUID() } },
    body: { name: 'from-typescript', labels: { team: 'ci' }, spec: { ttlSeconds: 3600 } },
  }),
);
const one = { params: { path: { id: created.id } } };
assert.deepEqual(created.labels, { team: 'ci' });
console.log(`created ${created.id}`);

try {
  const waiting = { params: { ...one.params, query: { for: 'ready', timeout: 120 } } } as const;
  const ready = orThrow(await sandplane.GET('/v1/sandboxes/{id}/wait', waiting));
  assert.equal(ready.status.phase, 'ready');
  console.log(`ready: Kubernetes ${ready.status.kubernetesVersion} at ${ready.status.endpoint}`);

  const kubeconfig = new KubeConfig();
  kubeconfig.loadFromString(
    orThrow(await sandplane.GET('/v1/sandboxes/{id}/kubeconfig', { ...one, parseAs: 'text' })) as string,
  );
  assert.equal(kubeconfig.getCurrentCluster()?.server, ready.status.endpoint);
  console.log('took the kubeconfig');

  const core = kubeconfig.makeApiClient(CoreV1Api);
  const metadata = { name: 'greeting' };
  await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata, data: { hello: 'typescript' } } });
  const { data } = await core.readNamespacedConfigMap({ namespace: 'default', name: 'greeting' });
  assert.deepEqual(data, { hello: 'typescript' });
  console.log('wrote and read a ConfigMap');

  await handleErrors();
} finally {
  orThrow(await sandplane.DELETE('/v1/sandboxes/{id}', one));
}
const ending = { params: { ...one.params, query: { for: 'deleted', timeout: 60 } } } as const;
assert.equal(orThrow(await sandplane.GET('/v1/sandboxes/{id}/wait', ending)).status.phase, 'deleted');
console.log('deleted it');
console.log('ok typescript');

/** Each answer that is not good has the same typed body, whatever its status. */
async function handleErrors(): Promise<void> {
  const unknown = { params: { path: { id: 'sb-00000000000000000000' } } };
  const missing = await sandplane.GET('/v1/sandboxes/{id}', unknown);
  assert.equal(missing.response.status, 404);
  assert.equal(missing.error?.code, 'not_found');
  console.log(`404: ${missing.error.detail}`);

  const invalid = await sandplane.POST('/v1/sandboxes', { body: { name: 'Not_A_Name' } });
  assert.equal(invalid.response.status, 422);
  assert.equal(invalid.error?.code, 'validation_failed');
  const faults = (invalid.error.errors ?? []).map(({ pointer, detail }) => `${pointer} ${detail}`);
  assert.ok(faults.some((fault) => fault.startsWith('/name ')));
  console.log(`422: ${faults.join(', ')}`);

  const full = await clientWith(SANDPLANE_FULL_KEY).POST('/v1/sandboxes', { body: {} });
  assert.equal(full.response.status, 429);
  assert.equal(full.error?.code, 'quota_exceeded');
  const { name, value } = full.error.limit ?? {};
  assert.deepEqual({ name, value }, { name: 'sandboxes', value: 0 });
  // Only where waiting helps: a full quota ends when somebody deletes something.
  const retryAfter = full.response.headers.get('retry-after');
  console.log(`429: at most ${value} ${name}; try again ${retryAfter ? `in ${retryAfter} s` : 'once one is deleted'}`);
}
