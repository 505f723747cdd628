import { lookup } from 'node:dns/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type AppDependencies, buildApp } from '../app.ts';
import { resolveVersions } from '../components/catalog.ts';
import { cannotListen } from '../config/cannot-listen.ts';
import type { Config } from '../config/config.ts';
import { startGrpc } from '../grpc/server.ts';
import type { App } from '../http/app-instance.ts';
import { openInOrder } from '../open-in-order.ts';
import { createIdempotency } from '../operations/idempotency.ts';
import { createRefusalLog } from '../operations/refusal-log.ts';
import { createChanges } from '../redis/changes.ts';
import { connected, connectForRequests, connectForWork, type RedisAddress } from '../redis/connection.ts';
import { repeat } from '../repeat.ts';
import { createHistory } from '../sandbox/history.ts';
import { createLogReader } from '../sandbox/log-reader.ts';
import { createLostHosts } from '../sandbox/lost-hosts.ts';
import { createSandboxService } from '../sandbox/service.ts';
import { createUsage } from '../sandbox/usage.ts';
import { createAdmission } from '../tenancy/admission.ts';
import { createApiKeys } from '../tenancy/api-keys.ts';
import { createAudit } from '../tenancy/audit.ts';
import { createAuthenticator } from '../tenancy/authenticate.ts';
import { createKeyAuthenticator } from '../tenancy/authenticate-key.ts';
import { createOidc, type Oidc } from '../tenancy/oidc.ts';
import { readOidcSettings } from '../tenancy/oidc-settings.ts';
import { createProjects, ensureDefaultProject } from '../tenancy/projects.ts';
import { createRateLimit } from '../tenancy/rate-limit.ts';
import { createValidity } from '../tenancy/validity.ts';
import { createWatch } from '../watch/watch.ts';
import { createAddressGuard } from '../webhooks/addresses.ts';
import { createDeliveries } from '../webhooks/deliveries.ts';
import { createDeliveryQueue, type DeliveryQueue } from '../webhooks/queue.ts';
import { createWebhookService } from '../webhooks/service.ts';
import { createWebhookStore } from '../webhooks/store.ts';
import { connectionLimits } from './open-files.ts';
import { adminKey, secretKey } from './service-keys.ts';
import { createStores, type Stores } from './stores.ts';

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

/**
 * Starts the REST and the gRPC API. They hold no runtime: all they do is to read and write records and to queue jobs.
 */
export async function startApi(config: Config, address: RedisAddress, logger: Logger): Promise<RunningApi> {
  return await openInOrder(async (opened) => await openApi(config, address, logger, opened));
}

async function openApi(
  config: Config,
  address: RedisAddress,
  logger: Logger,
  opened: AsyncDisposableStack,
): Promise<RunningApi> {
  const oidc = config.oidcFile ? createOidc(await readOidcSettings(config.oidcFile)) : null;
  const redis = await connected(connectForRequests(address, config.storeTimeoutMs), opened);
  const subscriber = await connected(connectForWork(address), opened);
  const stores = createStores({ redis, config, secretKey: await secretKey(config), logger });
  opened.defer(stores.queues.close);
  const deliveryQueue = createDeliveryQueue(stores);
  opened.defer(deliveryQueue.close);
  tellLostHosts(config, stores, logger, opened);
  const { enqueue } = deliveryQueue;
  const dependencies = await appDependencies({ config, stores, subscriber, oidc, enqueue, logger });
  const most = await connectionLimits();
  const app = opened.adopt(await buildApp({ ...dependencies, mostConnections: most.rest }), (built) => built.close());
  const { host, port } = config;
  const url = await listenAt(app, host, port).catch((error: unknown) => {
    throw cannotListen(error, { host, port, setting: 'SANDPLANE_PORT' });
  });
  const listening = { host, port: config.grpcPort, tls: config.grpcTls, backlog: connectionBacklog };
  const { operations } = app;
  const grpc = await startGrpc({ ...dependencies, ...listening, mostConnections: most.grpc, logger, operations });
  return {
    url,
    grpcAddress: grpc.address,
    async close() {
      await Promise.all([app.close(), grpc.close()]);
      await opened.disposeAsync();
    },
  };
}

/** As often as a host looks after its own sandboxes. */
function tellLostHosts(config: Config, { store, hosts }: Stores, logger: Logger, opened: AsyncDisposableStack): void {
  const stopping = new AbortController();
  const tell = createLostHosts({ store, hosts, signal: stopping.signal });
  const onError = (error: unknown) => logger.warn({ err: error }, 'lost hosts not told');
  const telling = repeat(config.sweepIntervalMs, tell, onError);
  opened.defer(telling.stop);
  opened.defer(() => stopping.abort());
}

/** At one address: for a name of several, Fastify would open further servers, whose connections nothing bounds. */
async function listenAt(app: App, name: string, port: number): Promise<string> {
  const { address } = await lookup(name);
  return await app.listen({ host: address, port, backlog: connectionBacklog });
}

/** What the protocols get: the services of the domain, and who may call them. */
async function appDependencies(given: {
  config: Config;
  stores: Stores;
  subscriber: Redis;
  oidc: Oidc | null;
  enqueue: DeliveryQueue['enqueue'];
  logger: Logger;
}): Promise<Omit<AppDependencies, 'mostConnections'>> {
  const { config, stores, subscriber, oidc, enqueue, logger } = given;
  const { redis, keys, sealer, store, queues, deletion, hosts } = stores;
  const changes = createChanges({ redis: subscriber, keys });
  const projects = createProjects({ redis, keys, defaults: config.quotas });
  await ensureDefaultProject(projects);
  return {
    service: createSandboxService({
      store,
      queues,
      deletion,
      hosts,
      changes,
      history: createHistory({ redis, keys }),
      maxTtlSeconds: async (project) => (await projects.get(project)).quotas.maxTtlSeconds,
      resolveVersions,
      readLogs: createLogReader({ redis, subscriber, keys }),
      logger,
    }),
    watch: createWatch({ redis, keys, changes, store, maxWatchers: config.watches }),
    projects,
    removeProject: stores.removals.remove,
    apiKeys: createApiKeys({ redis, keys }),
    webhooks: createWebhookService({
      store: createWebhookStore({ redis, keys, sealer }),
      deliveries: createDeliveries({ redis, keys }),
      guard: createAddressGuard({ allowedRanges: config.webhooks.allowedRanges, logger }),
      enqueue,
    }),
    usage: createUsage({ redis, keys }),
    audit: createAudit({ redis, keys }),
    runIdempotently: createIdempotency({ redis, keys, sealer }),
    admit: createAdmission({
      authenticate: createAuthenticator({
        adminKey: await adminKey(config),
        authenticateKey: createKeyAuthenticator({ redis, keys }),
        projects,
        oidc,
      }),
      rateLimit: createRateLimit({ perMinute: config.rateLimit }),
    }),
    untilInvalid: createValidity({ redis, keys, changes }),
    checkStore: async () => void (await redis.ping()),
    corsOrigins: config.corsOrigins,
    trustedProxies: config.trustedProxies,
    logger,
    logRefusal: createRefusalLog(logger),
  };
}
