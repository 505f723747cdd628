import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisKeys } from '../redis/keys.ts';
import type { Sealer } from '../redis/seal.ts';
import type { Webhook } from '../schemas/webhook.ts';
import { createAudit } from '../tenancy/audit.ts';
import type { AddressGuard } from './addresses.ts';
import { createAttempts } from './attempt.ts';
import { createDeliveries } from './deliveries.ts';
import { createFanOut } from './fan-out.ts';
import { drainOutbox, outboxGroup } from './outbox.ts';
import { createDeliveryQueue, createDeliveryWorker } from './queue.ts';
import { createWebhookStore } from './store.ts';
import { createTurns } from './turns.ts';

const recoverEveryMs = 60_000;

export interface WebhookWorkerOptions {
  readonly redis: Redis;
  /** For the queue. */
  readonly queueRedis: Redis;
  /** For the outbox, whose reading blocks it. */
  readonly outboxRedis: Redis;
  readonly keys: RedisKeys;
  readonly sealer: Sealer;
  readonly guard: AddressGuard;
  readonly pausesMs: readonly number[];
  readonly host: string;
  readonly logger: Logger;
}

/** Sends events to receivers: from the outbox to deliveries, from these to the queue, and out. */
export function startWebhookWorker(options: WebhookWorkerOptions): { close(): Promise<void> } {
  const { redis, queueRedis, outboxRedis, keys, sealer, guard, pausesMs, host, logger } = options;
  const stopping = new AbortController();
  const store = createWebhookStore({ redis, keys, sealer });
  const deliveries = createDeliveries({ redis, keys });
  const queue = createDeliveryQueue({ redis: queueRedis, keys });
  const audit = createAudit({ redis, keys });
  const { enqueue } = queue;
  const attempt = createAttempts({ store, deliveries, guard, pausesMs, enqueue, onDisabled: tellOwner, logger });
  const worker = createDeliveryWorker({
    redis: queueRedis,
    keys,
    attempt,
    onError: (error) => logger.warn({ err: error }, 'webhook queue'),
  });
  // Runs until closed; its errors come by onError.
  worker.run().catch((error: unknown) => logger.error({ err: error }, 'webhook worker ended'));
  const turns = createTurns({ redis, keys, group: outboxGroup });
  const fanOut = createFanOut({ turns, store, deliveries, enqueueAll: queue.enqueueAll, logger });
  const outbox = { redis: outboxRedis, keys, consumer: host, turns, fanOut, logger };
  const draining = drainOutbox(outbox, stopping.signal);
  const recovering = recover();

  /** The other receivers are told by an event; the audit log is there also when this was the only one. */
  async function tellOwner(webhook: Webhook): Promise<void> {
    const { project, id, disabledReason } = webhook;
    logger.warn({ webhookId: id, project, reason: disabledReason }, 'webhook disabled');
    const uid = await redis.hget(keys.project(project), 'uid');
    if (!uid) return;
    await audit.append(uid, {
      subject: 'system',
      name: 'webhooks',
      address: '',
      operation: 'disableWebhook',
      target: `/v1/webhooks/${id}`,
      status: 200,
      code: null,
      result: 'done',
      requestId: '',
    });
  }

  /** Queues again what is overdue: its job was lost. */
  async function recover(): Promise<void> {
    while (!stopping.signal.aborted) {
      await deliveries
        .overdue()
        .then(queue.enqueueLost)
        .catch((error: unknown) => logger.warn({ err: error }, 'overdue deliveries not queued'));
      // The rejection only says that it is over.
      await delay(recoverEveryMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  return {
    async close() {
      stopping.abort();
      // Ends the blocking read.
      outboxRedis.disconnect();
      await Promise.all([worker.close(), draining, recovering]);
      await queue.close();
    },
  };
}
