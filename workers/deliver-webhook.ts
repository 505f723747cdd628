import type { Webhook } from '../src/schemas/webhook.ts';
import { createAudit } from '../src/tenancy/audit.ts';
import { createAddressGuard } from '../src/webhooks/addresses.ts';
import { createAttempts } from '../src/webhooks/attempt.ts';
import { createDeliveries } from '../src/webhooks/deliveries.ts';
import { createDeliveryQueue, createDeliveryWorker } from '../src/webhooks/queue.ts';
import { createWebhookStore } from '../src/webhooks/store.ts';
import type { RunningWorker, WorkerParts } from './parts.ts';
import { repeat } from './repeat.ts';

const recoverEveryMs = 60_000;

/** Takes deliveries from their queue and tries them, and queues again those whose job was lost. */
export function deliverWebhooks(parts: WorkerParts): RunningWorker {
  const { config, redis, queueRedis, keys, sealer, logger } = parts;
  const deliveries = createDeliveries({ redis, keys });
  const queue = createDeliveryQueue({ redis: queueRedis, keys });
  const attempt = createAttempts({
    store: createWebhookStore({ redis, keys, sealer }),
    deliveries,
    guard: createAddressGuard({ allowedRanges: config.webhooks.allowedRanges, logger }),
    pausesMs: config.webhooks.pausesMs,
    enqueue: queue.enqueue,
    onDisabled: (webhook) => noteDisabled(parts, webhook),
    logger,
  });
  const onError = (error: Error) => logger.warn({ err: error }, 'webhook queue');
  const worker = createDeliveryWorker({ redis: queueRedis, keys, attempt, onError });
  // Runs until closed; its errors come by onError.
  worker.run().catch((error: unknown) => logger.error({ err: error }, 'webhook worker ended'));
  const recovering = repeat(
    recoverEveryMs,
    async () => await queue.enqueueLost(await deliveries.overdue()),
    (error) => logger.warn({ err: error }, 'overdue deliveries not queued'),
  );
  return {
    async close() {
      await Promise.all([worker.close(), recovering.stop()]);
      await queue.close();
    },
  };
}

/** The other receivers are told by an event; the audit log is there also when this was the only one. */
async function noteDisabled({ redis, keys, logger }: WorkerParts, webhook: Webhook): Promise<void> {
  const { project, id, disabledReason } = webhook;
  logger.warn({ webhookId: id, project, reason: disabledReason }, 'webhook disabled');
  const uid = await redis.hget(keys.project(project), 'uid');
  if (!uid) return;
  await createAudit({ redis, keys }).append(uid, {
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
