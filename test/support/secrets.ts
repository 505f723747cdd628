import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Test } from 'tap';
import { redisKeys } from '../../src/redis/keys.ts';
import { createSealer } from '../../src/redis/seal.ts';
import { createStore } from '../../src/sandbox/store.ts';
import type { WebhookWithSecret } from '../../src/schemas/webhook.ts';
import { connectTo, withKey } from './grpc-package.ts';
import { createClient } from './service.ts';
import { until } from './until.ts';
import { startWebhookReceiver } from './webhook-receiver.ts';

/** Texts that must not be found, by what they are. */
export type Secrets = Map<string, string>;

interface Addresses {
  readonly url: string;
  readonly grpc: string;
}

/**
 * Has every kind of secret made and used, in ways that succeed and in ways that fail, and adds them to `secrets`. Returns
 * the id of a sandbox that is ready, and what deletes it.
 */
export async function useSecrets(t: Test, { url, grpc }: Addresses, secrets: Secrets) {
  const clientWith = (key?: string) => createClient(() => url, key);
  await clientWith().call('POST', '/v1/projects', { name: 'team' });
  const keys = '/v1/projects/team/keys';
  const made = await clientWith().call<{ secret: string }>('POST', keys, { name: 'ci', scopes: ['admin'] });
  const key = made.body.secret;
  const client = clientWith(key);
  const receiver = await startWebhookReceiver(t, (response, _request, count) => {
    response.writeHead(count === 1 ? 500 : 204).end();
  });
  const webhook = await client.call<WebhookWithSecret>('POST', '/v1/webhooks', { url: receiver.url });
  const rotated = await client.call<WebhookWithSecret>('POST', `/v1/webhooks/${webhook.body.id}/rotate`);
  secrets.set('a key', key).set('the secret of a webhook', webhook.body.secret);
  secrets.set('the next secret of it', rotated.body.secret);
  const { body } = await client.create();
  const inKubeconfig = /client-key-data: (\S+)/.exec(await client.kubeconfig(body.id))?.[1] ?? '';
  secrets.set('the key in a kubeconfig', inKubeconfig.slice(100, 160));
  // created, provisioning, ready; one of them a second time.
  await until(() => receiver.received.length >= 4);
  await sendWrongOnes({ url, grpc }, key, secrets);
  return { id: body.id, remove: () => client.remove(body.id) };
}

async function sendWrongOnes({ url, grpc }: Addresses, key: string, secrets: Secrets): Promise<void> {
  const part = () => randomBytes(30).toString('base64url');
  const token = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${part()}.${part()}`;
  const stranger = `sandplane_${part()}`;
  const password = part();
  secrets.set('a token that is refused', token).set('a key that is refused', stranger);
  secrets.set('a password in a URL that is refused', password);
  for (const wrong of [stranger, token]) await createClient(() => url, wrong).list();
  const body = { url: `https://user:${password}@192.0.2.1/` };
  await createClient(() => url, key).call('POST', '/v1/webhooks', body);
  const overGrpc = connectTo(grpc);
  for (const given of [key, stranger]) {
    const { promise, resolve } = Promise.withResolvers<void>();
    overGrpc.makeUnaryRequest(
      '/sandplane.v1.SandboxService/ListSandboxes',
      () => Buffer.alloc(0),
      () => undefined,
      withKey(given),
      () => resolve(),
    );
    await promise;
  }
  overGrpc.close();
}

/** The private keys of a sandbox. Of each PEM text one line: a log may write the ends of lines otherwise. */
export async function privateKeysOf(id: string, redisUrl: string, secretKey: Buffer): Promise<Secrets> {
  const redis = new Redis(redisUrl);
  const sealer = createSealer(secretKey);
  const store = createStore({ redis, keys: redisKeys('sandplane'), sealer, quotaDefaults: [], maxEvents: 1 });
  const credentials = Object.entries((await store.get(id))?.credentials() ?? {});
  redis.disconnect();
  const keys = credentials.filter(([, text]) => text.includes('PRIVATE KEY'));
  return new Map(keys.map(([name, text]) => [name, text.split('\n')[1] ?? '']));
}
