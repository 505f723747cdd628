import type { Logger } from 'pino';
import { buildApp } from './app.ts';
import { resolveVersions } from './components/catalog.ts';
import type { Config } from './config.ts';
import { adminKey, secretKey } from './keys.ts';
import { createWakeUps } from './queue.ts';
import { connectForRequests, connectForWork, type RedisAddress } from './redis.ts';
import { createChanges } from './sandbox/changes.ts';
import { createHosts } from './sandbox/hosts.ts';
import { createIdempotency } from './sandbox/idempotency.ts';
import { redisKeys } from './sandbox/keys.ts';
import { createLogReader } from './sandbox/log-relay.ts';
import { defineScripts } from './sandbox/scripts.ts';
import { createSealer } from './sandbox/seal.ts';
import { createSandboxService } from './sandbox/service.ts';
import { createStarts } from './sandbox/starts.ts';
import { createStore } from './sandbox/store.ts';

export interface RunningApi {
  /** Where it listens, as a URL. */
  readonly url: string;
  /** Takes no new requests, finishes those under way. */
  close(): Promise<void>;
}

/** Starts the REST API. It holds no runtime: all it does is read and write records and wake workers. */
export async function startApi(config: Config, address: RedisAddress, logger: Logger): Promise<RunningApi> {
  const redis = defineScripts(connectForRequests(address));
  const subscriber = connectForWork(address);
  await Promise.all([redis.connect(), subscriber.connect()]);
  const keys = redisKeys(config.redisPrefix);
  const store = createStore({ redis, keys, sealer: createSealer(await secretKey(config)) });
  const wakeUps = createWakeUps({ redis, keys });
  const service = createSandboxService({
    store,
    starts: createStarts({ redis, keys }),
    hosts: createHosts({ redis, keys }),
    changes: await createChanges({ redis: subscriber, keys }),
    wake: wakeUps.send,
    resolveVersions,
    readLogs: createLogReader({ redis, subscriber, keys }),
    logger,
  });
  const app = await buildApp({
    service,
    once: createIdempotency({ redis, keys }),
    adminKey: await adminKey(config),
    checkStore: async () => void (await redis.ping()),
    logger,
  });
  const url = await app.listen({ host: config.host, port: config.port });
  return {
    url,
    async close() {
      await app.close();
      await wakeUps.close();
      redis.disconnect();
      subscriber.disconnect();
    },
  };
}
