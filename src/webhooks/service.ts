import { AppError, invalidField } from '../errors.ts';
import { checkMatch } from '../resources/etag.ts';
import { parseCursor, toCursor } from '../resources/paging.ts';
import type { Delivery, Webhook, WebhookCreate, WebhookPatch, WebhookWithSecret } from '../schemas/webhook.ts';
import type { AddressGuard } from './addresses.ts';
import type { Deliveries } from './deliveries.ts';
import { toPublic } from './delivery.ts';
import type { DeliveryQueue } from './queue.ts';
import type { WebhookSecret } from './secrets.ts';
import { newWebhookSecret } from './sign.ts';
import type { WebhookStore } from './store.ts';

/** Both secrets sign for as long after a rotation. */
const overlapMs = 24 * 3600 * 1000;

interface PageQuery {
  readonly limit: number;
  readonly cursor?: string;
}

export interface WebhookServiceOptions {
  readonly store: WebhookStore;
  readonly deliveries: Deliveries;
  readonly guard: AddressGuard;
  readonly enqueue: DeliveryQueue['enqueue'];
}

export type WebhookService = ReturnType<typeof createWebhookService>;

/** What a user can do with receivers of events. Everything is of one project. */
export function createWebhookService(options: WebhookServiceOptions) {
  const { store, deliveries, guard } = options;
  return {
    async create(project: string, id: string, body: WebhookCreate): Promise<WebhookWithSecret> {
      await checkUrl(guard, body.url);
      const secret = newWebhookSecret();
      const state = { disabled: false, disabledReason: null, createdAt: new Date().toISOString() };
      await store.add({ id, project, ...body, ...state }, [{ secret, until: null }]);
      return { ...(await store.get(project, id)), secret };
    },
    get: store.get,
    async list(project: string, query: PageQuery) {
      const { items, next } = await store.page(project, query.limit, parseCursor(query.cursor));
      return { items, nextCursor: toCursor(next) };
    },
    async patch(project: string, id: string, body: WebhookPatch, ifMatch?: string): Promise<Webhook> {
      await store.get(project, id);
      if (body.url !== undefined) await checkUrl(guard, body.url);
      return await store.update(project, id, (before) => {
        checkMatch(before.resourceVersion, ifMatch);
        const enabled = body.disabled === false ? { disabledReason: null } : {};
        return { ...before, ...body, ...enabled };
      });
    },
    async remove(project: string, id: string, ifMatch?: string): Promise<void> {
      await store.remove(project, id, ({ resourceVersion }) => checkMatch(resourceVersion, ifMatch));
    },
    rotate: (project: string, id: string, seed: string) => rotate(store, project, id, seed),
    async listDeliveries(project: string, id: string, query: PageQuery) {
      await store.get(project, id);
      const { items, next } = await deliveries.page(project, id, query.limit, parseCursor(query.cursor));
      return { items, nextCursor: toCursor(next) };
    },
    async getDelivery(project: string, id: string, deliveryId: string): Promise<Delivery> {
      return toPublic(await deliveries.get(project, id, deliveryId));
    },
    replay: (project: string, id: string, deliveryId: string) => replay(options, project, id, deliveryId),
  };
}

/** Throws `validation_failed`, `webhook_address_forbidden`, `webhook_unresolvable`; checked again at each delivery. */
async function checkUrl(guard: AddressGuard, text: string): Promise<void> {
  const url = URL.parse(text);
  if (!url) throw invalidField('/url', 'is not a URL');
  if (url.username || url.password) throw invalidField('/url', 'must not hold a user or password');
  const isLocal = guard.allowsCleartext(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal)) {
    throw invalidField('/url', 'must be https; http only to addresses that the service allows by a setting');
  }
  await guard.resolveChecked(url.hostname);
}

/**
 * A new secret; the one before goes on signing for a day, so that receivers can change over. `seed` names the request: when
 * it is repeated, as its answer was lost, it returns the secret that it made the first time.
 */
async function rotate(store: WebhookStore, project: string, id: string, seed: string): Promise<WebhookWithSecret> {
  let made: WebhookSecret = { secret: newWebhookSecret(), until: null, madeBy: seed };
  const rotated = (secrets: readonly WebhookSecret[]): readonly WebhookSecret[] => {
    const before = secrets.find(({ madeBy }) => madeBy === seed);
    if (before) made = before;
    const [current] = secrets;
    return before || !current ? secrets : [made, { ...current, until: Date.now() + overlapMs }];
  };
  return { ...(await store.update(project, id, (before) => before, rotated)), secret: made.secret };
}

/** Tries a delivery anew, whatever became of it; receivers know it by its message id. */
async function replay(
  { store, deliveries, enqueue }: WebhookServiceOptions,
  project: string,
  id: string,
  deliveryId: string,
): Promise<Delivery> {
  const before = await deliveries.get(project, id, deliveryId);
  if (before.state === 'pending') throw stillPending(deliveryId);
  if ((await store.get(project, id)).disabled) {
    throw new AppError('webhook_disabled', `${id} is disabled: enable it first, with {"disabled": false}.`);
  }
  const nextAttemptAt = new Date(await deliveries.nowMs()).toISOString();
  const replayed = { ...before, state: 'pending' as const, nextAttemptAt, triesBefore: before.attemptCount };
  const waiting = await deliveries.write(replayed, before);
  if (waiting === null) throw stillPending(deliveryId);
  await enqueue({ project, webhookId: id, waiting });
  return toPublic(replayed);
}

function stillPending(delivery: string): AppError {
  return new AppError('delivery_pending', `${delivery} is being tried; it can be replayed once that has ended.`);
}
