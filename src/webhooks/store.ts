import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { addToProject, removeFromProject, updateHash } from '../redis/calls/projects.ts';
import { disableWebhook, noteWebhookAttempt } from '../redis/calls/webhooks.ts';
import { storeTimeMs } from '../redis/clock.ts';
import { webhookFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { Sealer } from '../redis/seal.ts';
import { type IndexPosition, readIndex } from '../resources/paging.ts';
import type { Webhook, WebhookEvent } from '../schemas/webhook.ts';
import { checkAdded } from '../tenancy/projects.ts';
import { noteRemoval, removeDeliveries } from './deliveries.ts';
import { openSecrets, sealSecrets, type WebhookSecret } from './secrets.ts';

const maxWebhooksPerProject = 20;

/** What is asked of a receiver for each event. */
export interface Receiver extends Pick<Webhook, 'id' | 'events' | 'disabled'> {
  /** Since when it is there, by the clock of the store, which gives events their time. */
  readonly sinceMs: number;
}

type Stored = Omit<Webhook, 'resourceVersion' | 'lastSuccessAt'>;

export type WebhookStore = ReturnType<typeof createWebhookStore>;

interface Context {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly sealer: Sealer;
}

/** Receivers in Redis: a hash each, with `webhookFields`. */
export function createWebhookStore(context: Context) {
  const { redis, keys } = context;
  return {
    add: (webhook: Stored, secrets: readonly WebhookSecret[]) => add(context, webhook, secrets),
    find: (project: string, id: string) => find(context, project, id),
    get: (project: string, id: string) => get(context, project, id),
    secretsOf: (project: string, id: string) => secretsOf(context, project, id),
    update: (project: string, id: string, change: Change, secrets?: ChangeSecrets) =>
      update(context, project, id, change, secrets),
    /** With its deliveries. `check` is given the newest, and may throw. */
    async remove(project: string, id: string, check: (webhook: Webhook) => void): Promise<void> {
      await noteRemoval(context, project, id);
      await removeRecord(context, project, id, check);
      await removeDeliveries(context, project, id);
    },
    disable: (project: string, id: string, reason: string, isDead: (webhook: Webhook) => boolean) =>
      disable(context, project, id, reason, isDead),
    /** Notes whether it has just taken a delivery, and how many it may have under way from now on. */
    async noteAttempt(project: string, id: string, given: { isTaken: boolean; slots: number }): Promise<void> {
      await noteWebhookAttempt(redis, { keys: { webhook: keys.webhook(project, id) }, ...given });
    },
    async page(project: string, limit: number, after: IndexPosition | null) {
      const { members, next } = await readIndex(redis, keys.webhooks(project), limit, after);
      const found = await Promise.all(members.map((id) => find(context, project, id)));
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

async function add(context: Context, webhook: Stored, secrets: readonly WebhookSecret[]): Promise<void> {
  const { redis, keys } = context;
  const { project, id, createdAt } = webhook;
  const since = await storeTimeMs(redis);
  const added = await addToProject(redis, {
    keys: { project: keys.project(project), hash: keys.webhook(project, id), index: keys.webhooks(project) },
    member: id,
    score: Date.parse(createdAt),
    most: maxWebhooksPerProject,
    fields: {
      [webhookFields.version]: '1',
      [webhookFields.resource]: JSON.stringify(webhook),
      [webhookFields.secrets]: sealSecrets(context.sealer, webhook, secrets),
      [webhookFields.since]: String(since),
    },
  });
  checkAdded(added, project, { name: 'webhooks', value: maxWebhooksPerProject });
}

async function find({ redis, keys }: Context, project: string, id: string): Promise<Webhook | null> {
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
async function get(context: Context, project: string, id: string): Promise<Webhook> {
  const found = await find(context, project, id);
  if (!found) throw noWebhook(id);
  return found;
}

async function secretsOf({ redis, keys, sealer }: Context, project: string, id: string): Promise<WebhookSecret[]> {
  const sealed = await redis.hget(keys.webhook(project, id), webhookFields.secrets);
  if (!sealed) throw noWebhook(id);
  return openSecrets(sealer, { project, id }, sealed);
}

type Change = (webhook: Webhook) => Webhook;
type ChangeSecrets = (before: readonly WebhookSecret[]) => readonly WebhookSecret[];

/** Applies `change` to the newest, again and again until no other writer came between. */
async function update(
  context: Context,
  project: string,
  id: string,
  change: Change,
  changeSecrets?: ChangeSecrets,
): Promise<Webhook> {
  const { redis, keys } = context;
  const hash = keys.webhook(project, id);
  for (;;) {
    const { version, stored } = split(change(await get(context, project, id)));
    const fields: Record<string, string> = { [webhookFields.resource]: JSON.stringify(stored) };
    if (changeSecrets) {
      const secrets = changeSecrets(await secretsOf(context, project, id));
      fields[webhookFields.secrets] = sealSecrets(context.sealer, stored, secrets);
    }
    if (await updateHash(redis, { keys: { hash }, expectedVersion: version, fields })) {
      return await get(context, project, id);
    }
  }
}

/** What is stored as JSON, and the version that it was read with. */
function split({ resourceVersion, lastSuccessAt: _when, ...stored }: Webhook): { version: string; stored: Stored } {
  return { version: resourceVersion, stored };
}

async function removeRecord(
  context: Context,
  project: string,
  id: string,
  check: (webhook: Webhook) => void,
): Promise<void> {
  const { redis, keys } = context;
  for (;;) {
    const before = await get(context, project, id);
    check(before);
    const isRemoved = await removeFromProject(redis, {
      keys: { hash: keys.webhook(project, id), index: keys.webhooks(project) },
      member: id,
      expectedVersion: before.resourceVersion,
    });
    if (isRemoved) return;
  }
}

/** Disables it if `isDead` says so of the newest, and tells by an event. Null when it did not, or was disabled before. */
async function disable(
  context: Context,
  project: string,
  id: string,
  reason: string,
  isDead: (webhook: Webhook) => boolean,
): Promise<Webhook | null> {
  const { redis, keys } = context;
  for (;;) {
    const before = await find(context, project, id);
    if (!before || before.disabled || !isDead(before)) return null;
    const disabled = { ...before, disabled: true, disabledReason: reason };
    const { version, stored } = split(disabled);
    const event: WebhookEvent = 'webhook.disabled';
    const isWritten = await disableWebhook(redis, {
      keys: { webhook: keys.webhook(project, id), outbox: keys.outbox },
      expectedVersion: version,
      resource: JSON.stringify(stored),
      project,
      event,
      data: JSON.stringify({ webhook: disabled }),
    });
    if (isWritten) return disabled;
  }
}

function noWebhook(id: string): AppError {
  return new AppError('not_found', `There is no webhook ${id}.`);
}
