import { createDeliveries } from '../src/webhooks/deliveries.ts';
import { createEventQueues } from '../src/webhooks/event-queues.ts';
import { createFanOut } from '../src/webhooks/fan-out.ts';
import { drainOutbox, outboxGroup } from '../src/webhooks/outbox.ts';
import { createDeliveryQueue } from '../src/webhooks/queue.ts';
import { createWebhookStore } from '../src/webhooks/store.ts';
import type { RunningWorker, WorkerParts } from './parts.ts';

/** Makes deliveries of the events of projects: from the outbox, where each change puts its event, into the queue. */
export function projectEvents(parts: WorkerParts): RunningWorker {
  const { redis, queueRedis, outboxRedis, keys, sealer, host, logger } = parts;
  const stopping = new AbortController();
  const store = createWebhookStore({ redis, keys, sealer });
  const deliveries = createDeliveries({ redis, keys });
  const queue = createDeliveryQueue({ redis: queueRedis, keys });
  const queues = createEventQueues({ redis, keys, group: outboxGroup });
  const fanOut = createFanOut({ queues, store, deliveries, enqueueAll: queue.enqueueAll, logger });
  const draining = drainOutbox({ redis: outboxRedis, keys, consumer: host, queues, fanOut, logger }, stopping.signal);
  return {
    async close() {
      stopping.abort();
      // Ends the blocking read.
      outboxRedis.disconnect();
      await draining;
      await queue.close();
    },
  };
}
