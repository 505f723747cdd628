import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { addToProject, removeFromProject, updateHash } from '../redis/calls/projects.ts';
import { disableWebhook, noteWebhookSuccess } from '../redis/calls/webhooks.ts';
import { storeTimeMs } from '../redis/clock.ts';
import { webhookFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { Sealer } from '../redis/seal.ts';
import { type IndexPosition, readIndex } from '../resources/paging.ts';
import type { Webhook, WebhookEvent } from '../schemas/webhook.ts';
import { checkAdded } from '../tenancy/projects.ts';

const maxWebhooksPerProject = 20;
const removeAtOnce = 500;

/** Newest first. The one that was rotated out signs along until `until` (epoch milliseconds). */
export interface WebhookSecret {
  readonly secret: string;
  readonly until: number | null;
  /** Names the request that made it by a rotation. */
  readonly madeBy?: string;
}

/** What is asked of a receiver for each event. */
export interface Receiver extends Pick<Webhook, 'id' | 'events' | 'disabled'> {
  /** Since when it is there, by the clock of the store, which gives events their time. */
  readonly sinceMs: number;
}

type Stored = Omit<Webhook, 'resourceVersion' | 'lastSuccessAt'>;

export type WebhookStore = ReturnType<typeof createWebhookStore>;

/** Receivers in Redis: a hash each, with `webhookFields`. */
export function createWebhookStore({ redis, keys, sealer }: { redis: Redis; keys: RedisKeys; sealer: Sealer }) {
  const contextOf = (project: string, id: string) => `${project}/${id}`;

  async function add(webhook: Stored, secrets: readonly WebhookSecret[]): Promise<void> {
    const { project, id, createdAt } = webhook;
    const since = await storeTimeMs(redis);
    const fields = {
      [webhookFields.version]: '1',
      [webhookFields.resource]: JSON.stringify(webhook),
      [webhookFields.secrets]: seal(webhook, secrets),
      [webhookFields.since]: String(since),
    };
    const added = await addToProject(redis, {
      keys: { project: keys.project(project), hash: keys.webhook(project, id), index: keys.webhooks(project) },
      member: id,
      score: Date.parse(createdAt),
      most: maxWebhooksPerProject,
      fields,
    });
    checkAdded(added, project, { name: 'webhooks', value: maxWebhooksPerProject });
  }

  function seal({ project, id }: Pick<Webhook, 'project' | 'id'>, secrets: readonly WebhookSecret[]): string {
    return sealer.seal(JSON.stringify(secrets), contextOf(project, id));
  }

  async function find(project: string, id: string): Promise<Webhook | null> {
    const [version, text, lastSuccess] = await redis.hmget(
      keys.webhook(project, id),
      webhookFields.version,
      webhookFields.resource,
      webhookFields.lastSuccessAt,
    );
    if (!version || !text) return null;
    const lastSuccessAt = lastSuccess ? new Date(Number(lastSuccess)).toISOString() : null;
    return { ...(JSON.parse(text) as Stored), lastSuccessAt, resourceVersion: version };
  }

  /** Throws `not_found`. */
  async function get(project: string, id: string): Promise<Webhook> {
    const found = await find(project, id);
    if (!found) throw noWebhook(id);
    return found;
  }

  /** Applies `change` to the newest, again and again until no other writer came between. */
  async function update(
    project: string,
    id: string,
    change: (webhook: Webhook) => Webhook | null,
    secrets?: (before: readonly WebhookSecret[]) => readonly WebhookSecret[],
  ): Promise<Webhook> {
    for (;;) {
      const before = await get(project, id);
      const changed = change(before);
      if (!changed) return before;
      const { resourceVersion, lastSuccessAt: _when, ...stored } = changed;
      const fields: Record<string, string> = { [webhookFields.resource]: JSON.stringify(stored) };
      if (secrets) fields[webhookFields.secrets] = seal(changed, secrets(await secretsOf(project, id)));
      const hash = keys.webhook(project, id);
      if (await updateHash(redis, { keys: { hash }, expectedVersion: resourceVersion, fields })) {
        return await get(project, id);
      }
    }
  }

  async function secretsOf(project: string, id: string): Promise<WebhookSecret[]> {
    const sealed = await redis.hget(keys.webhook(project, id), webhookFields.secrets);
    if (!sealed) throw noWebhook(id);
    return JSON.parse(sealer.open(sealed, contextOf(project, id))) as WebhookSecret[];
  }

  /** With its deliveries. `check` is given the newest, and may throw. */
  async function remove(project: string, id: string, check: (webhook: Webhook) => void): Promise<void> {
    for (;;) {
      const before = await get(project, id);
      check(before);
      const isRemoved = await removeFromProject(redis, {
        keys: { hash: keys.webhook(project, id), index: keys.webhooks(project) },
        member: id,
        expectedVersion: before.resourceVersion,
      });
      if (isRemoved) break;
    }
    const deliveries = keys.deliveries(project, id);
    for (;;) {
      const some = await redis.zpopmin(deliveries, removeAtOnce);
      const ids = some.filter((_one, i) => i % 2 === 0);
      if (ids.length === 0) break;
      await redis.unlink(ids.map((delivery) => keys.delivery(project, delivery)));
    }
    for (const index of [keys.deliveriesParked, keys.deliveriesPending, keys.deliveriesDone]) {
      await redis.unlink(index(project, id));
    }
    await redis.zrem(keys.receiversParked(project), id);
  }

  /** Disables it if `isDead` says so of the newest, and tells by an event. Null when it did not, or was disabled before. */
  async function disable(
    project: string,
    id: string,
    reason: string,
    isDead: (webhook: Webhook) => boolean,
  ): Promise<Webhook | null> {
    for (;;) {
      const before = await find(project, id);
      if (!before || before.disabled || !isDead(before)) return null;
      const disabled = { ...before, disabled: true, disabledReason: reason };
      const { resourceVersion, lastSuccessAt: _when, ...stored } = disabled;
      const event: WebhookEvent = 'webhook.disabled';
      const isWritten = await disableWebhook(redis, {
        keys: { webhook: keys.webhook(project, id), outbox: keys.outbox },
        expectedVersion: resourceVersion,
        resource: JSON.stringify(stored),
        project,
        event,
        data: JSON.stringify({ webhook: disabled }),
      });
      if (isWritten) return disabled;
    }
  }

  return {
    add,
    find,
    get,
    update,
    remove,
    secretsOf,
    disable,
    async noteSuccess(project: string, id: string): Promise<void> {
      await noteWebhookSuccess(redis, { keys: { webhook: keys.webhook(project, id) } });
    },
    async page(project: string, limit: number, after: IndexPosition | null) {
      const { members, next } = await readIndex(redis, keys.webhooks(project), limit, after);
      const found = await Promise.all(members.map((id) => find(project, id)));
      return { items: found.filter((webhook) => webhook !== null), next };
    },
    /** All of a project. */
    async receivers(project: string): Promise<Receiver[]> {
      const ids = await redis.zrange(keys.webhooks(project), '0', '-1');
      const found = await Promise.all(
        ids.map((id) => redis.hmget(keys.webhook(project, id), webhookFields.resource, webhookFields.since)),
      );
      return found.flatMap(([text, since]) => {
        if (!text) return [];
        const { id, events, disabled, createdAt } = JSON.parse(text) as Stored;
        return [{ id, events, disabled, sinceMs: Number(since ?? Date.parse(createdAt)) }];
      });
    },
  };
}

function noWebhook(id: string): AppError {
  return new AppError('not_found', `There is no webhook ${id}.`);
}
