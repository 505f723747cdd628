import { openWorker } from '../src/queue/open-worker.ts';
import { repeat } from '../src/repeat.ts';
import type { Webhook } from '../src/schemas/webhook.ts';
import { createAudit } from '../src/tenancy/audit.ts';
import { createAddressGuard } from '../src/webhooks/addresses.ts';
import { createDeliver } from '../src/webhooks/deliver.ts';
import { createDeliveries } from '../src/webhooks/deliveries.ts';
import { createDeliveryQueue, type DeliveryJob, deliveryQueue } from '../src/webhooks/queue.ts';
import { createWebhookStore } from '../src/webhooks/store.ts';
import type { RunningWorker, WorkerParts } from './parts.ts';

const recoverEveryMs = 60_000;
/**
 * A project has 20 receivers at most, and one that hangs gets one attempt at a time: so the receivers of 20 projects may hang,
 * and others are tried all the same. Many more would take long to begin: BullMQ fetches as many jobs as there are, up to this
 * number, before it starts the first.
 */
const attemptsAtOnce = 400;

/** Takes deliveries from their queue and tries them, and queues again those whose job was lost. */
export function deliverWebhooks(parts: WorkerParts): RunningWorker {
  const { config, redis, queueRedis, keys, sealer, logger } = parts;
  const deliveries = createDeliveries({ redis, keys });
  const queue = createDeliveryQueue({ redis: queueRedis, keys });
  const deliver = createDeliver({
    store: createWebhookStore({ redis, keys, sealer }),
    deliveries,
    guard: createAddressGuard({ allowedRanges: config.webhooks.allowedRanges, logger }),
    pausesMs: config.webhooks.pausesMs,
    enqueue: queue.enqueue,
    onDisabled: (webhook) => noteDisabled(parts, webhook),
    logger,
  });
  const worker = openWorker<DeliveryJob>(deliveryQueue, async (job) => await deliver(job.data), {
    redis: queueRedis,
    keys,
    logger,
    concurrency: attemptsAtOnce,
  });
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
