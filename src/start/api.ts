import type { Logger } from 'pino';
import { buildApp } from '../app.ts';
import { resolveVersions } from '../components/catalog.ts';
import type { Config } from '../config/config.ts';
import { startGrpc } from '../grpc/server.ts';
import { createIdempotency } from '../operations/idempotency.ts';
import { createChanges } from '../redis/changes.ts';
import { connectForRequests, connectForWork, type RedisAddress } from '../redis/connection.ts';
import { redisKeys } from '../redis/keys.ts';
import { createSealer } from '../redis/seal.ts';
import { createHistory } from '../sandbox/history.ts';
import { createHosts } from '../sandbox/hosts.ts';
import { createLanes } from '../sandbox/lanes.ts';
import { createLogReader } from '../sandbox/log-relay.ts';
import { createProjectRemoval } from '../sandbox/project-removal.ts';
import { defineScripts } from '../sandbox/scripts.ts';
import { createSandboxService } from '../sandbox/service.ts';
import { createStore } from '../sandbox/store.ts';
import { createUsage } from '../sandbox/usage.ts';
import { createAdmission } from '../tenancy/admission.ts';
import { createApiKeys } from '../tenancy/api-keys.ts';
import { createAudit } from '../tenancy/audit.ts';
import { createAuthenticator } from '../tenancy/authenticate.ts';
import { createKeyAuthenticator } from '../tenancy/authenticate-key.ts';
import { createOidc } from '../tenancy/oidc.ts';
import { readOidcSettings } from '../tenancy/oidc-settings.ts';
import { createProjects } from '../tenancy/projects.ts';
import { quotaArguments } from '../tenancy/quotas.ts';
import { createRateLimit } from '../tenancy/rate-limit.ts';
import { defineTenancyScripts } from '../tenancy/scripts.ts';
import { createValidity } from '../tenancy/validity.ts';
import { createFeed } from '../watch/watch.ts';
import { createAddressGuard } from '../webhooks/addresses.ts';
import { createDeliveries } from '../webhooks/deliveries.ts';
import { createDeliveryQueue } from '../webhooks/queue.ts';
import { defineWebhookScripts } from '../webhooks/scripts.ts';
import { createWebhookService } from '../webhooks/service.ts';
import { createWebhookStore } from '../webhooks/store.ts';
import { adminKey, secretKey } from './service-keys.ts';

/** After a restart, all watches come back at once. */
const connectionBacklog = 4096;

export interface RunningApi {
  /** Where REST is, as a URL. */
  readonly url: string;
  /** Where gRPC is, as host:port. */
  readonly grpcAddress: string;
  /** Takes no new requests, finishes those under way. */
  close(): Promise<void>;
}

/** Starts the REST and the gRPC API. They hold no runtime: all they do is read and write records and call dispatchers. */
export async function startApi(config: Config, address: RedisAddress, logger: Logger): Promise<RunningApi> {
  const oidc = config.oidcFile ? createOidc(await readOidcSettings(config.oidcFile)) : null;
  const connection = connectForRequests(address, config.storeTimeoutMs);
  const redis = defineWebhookScripts(defineTenancyScripts(defineScripts(connection)));
  const subscriber = connectForWork(address);
  await Promise.all([redis.connect(), subscriber.connect()]);
  const keys = redisKeys(config.redisPrefix);
  const sealer = createSealer(await secretKey(config));
  const store = createStore({
    redis,
    keys,
    sealer,
    quotaDefaults: quotaArguments(config.quotas),
    feedLength: config.feedLength,
  });
  const changes = createChanges({ redis: subscriber, keys });
  const lanes = createLanes({ redis, keys });
  const projects = createProjects({ redis, keys, defaults: config.quotas });
  await projects.ensureDefault();
  const service = createSandboxService({
    store,
    lanes,
    hosts: createHosts({ redis, keys }),
    changes,
    feed: createFeed({ redis, keys, changes, store, maxWatchers: config.watches }),
    history: createHistory({ redis, keys }),
    maxTtlSeconds: async (project) => (await projects.get(project)).quotas.maxTtlSeconds,
    resolveVersions,
    readLogs: createLogReader({ redis, subscriber, keys }),
    logger,
  });
  const deliveryQueue = createDeliveryQueue({ redis, keys });
  const shared = {
    service,
    admit: createAdmission({
      authenticate: createAuthenticator({
        adminKey: await adminKey(config),
        authenticateKey: createKeyAuthenticator({ redis, keys }),
        projects,
        oidc,
      }),
      rateLimit: createRateLimit({ perMinute: config.rateLimit }),
    }),
    audit: createAudit({ redis, keys }),
    untilInvalid: createValidity({ redis, keys, changes }),
    checkStore: async () => void (await redis.ping()),
    logger,
  };
  const app = await buildApp({
    ...shared,
    projects,
    removeProject: createProjectRemoval({ redis, keys, store, lanes }).remove,
    apiKeys: createApiKeys({ redis, keys }),
    webhooks: createWebhookService({
      store: createWebhookStore({ redis, keys, sealer }),
      deliveries: createDeliveries({ redis, keys }),
      guard: createAddressGuard({ allowedRanges: config.webhooks.allowedRanges, logger }),
      enqueue: deliveryQueue.enqueue,
    }),
    usage: createUsage({ redis, keys }),
    runIdempotently: createIdempotency({ redis, keys, sealer }),
    corsOrigins: config.corsOrigins,
    trustedProxies: config.trustedProxies,
  });
  const url = await app.listen({ host: config.host, port: config.port, backlog: connectionBacklog });
  const grpc = await startGrpc({
    ...shared,
    host: config.host,
    port: config.grpcPort,
    tls: config.grpcTls,
    backlog: connectionBacklog,
    trustedProxies: config.trustedProxies,
    operations: app.operations,
  }).catch(async (error: unknown) => {
    await app.close();
    throw error;
  });
  return {
    url,
    grpcAddress: grpc.address,
    async close() {
      await Promise.all([app.close(), grpc.close()]);
      await deliveryQueue.close();
      for (const connection of [redis, subscriber]) connection.disconnect();
    },
  };
}
