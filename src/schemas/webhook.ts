import Type from 'typebox';
import { integer, nullable, openEnum, pageOf, resourceVersion, stringEnum, text, timestamp } from './common.ts';
import { historyTypes } from './history.ts';

const webhookEvents = [...historyTypes.map((type) => `sandbox.${type}` as const), 'webhook.disabled'] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

export const webhookId = Type.String({
  description: 'made by the server',
  pattern: '^wh-[0-9a-z]{20}$',
  examples: ['wh-4k2x9q7m3v8t1c6z0w5y'],
});

export const deliveryId = Type.String({
  description: 'made by the server',
  pattern: '^dl-[0-9]{1,15}-[0-9]{1,10}-[0-9a-z]{20}$',
  examples: ['dl-1763900000000-0-4k2x9q7m3v8t1c6z0w5y'],
});

const url = Type.String({
  description: 'where events are sent: https, at a public address, without user or password',
  format: 'uri',
  pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/?#@\\\\]+([/?#].*)?$',
  minLength: 1,
  maxLength: 2000,
  examples: ['https://ci.example.com/hooks/sandplane'],
});

const eventName = stringEnum(webhookEvents, {
  title: 'WebhookEventName',
  description: 'an event that can be sent',
  examples: ['sandbox.ready'],
});

const events = Type.Array(eventName, {
  description: 'which events are sent; none in the list: all',
  uniqueItems: true,
  maxItems: webhookEvents.length,
  examples: [['sandbox.ready', 'sandbox.failed']],
});

const description = Type.String({
  description: 'what it is for',
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f]*$',
  examples: ['CI'],
});

export const WebhookCreate = Type.Object(
  { url, events: { ...events, default: [] }, description: { ...description, default: '' } },
  {
    title: 'WebhookCreate',
    additionalProperties: false,
    description: 'a receiver to add',
    'x-examples': {
      shortest: { summary: 'all events', value: { url: 'https://ci.example.com/hooks/sandplane' } },
      full: {
        summary: 'some events',
        value: {
          url: 'https://ci.example.com/hooks/sandplane',
          events: ['sandbox.ready', 'sandbox.failed'],
          description: 'CI',
        },
      },
    },
  },
);
export type WebhookCreate = Type.Static<typeof WebhookCreate>;

export const WebhookPatch = Type.Object(
  {
    url: Type.Optional(url),
    events: Type.Optional(events),
    description: Type.Optional(description),
    disabled: Type.Optional(Type.Boolean({ description: 'false enables it again', examples: [false] })),
  },
  {
    title: 'WebhookPatch',
    additionalProperties: false,
    description: 'a merge patch (RFC 7396)',
    'x-examples': {
      enable: { summary: 'enable it again', value: { disabled: false } },
      move: { summary: 'send to another address', value: { url: 'https://ci2.example.com/hooks/sandplane' } },
    },
  },
);
export type WebhookPatch = Type.Static<typeof WebhookPatch>;

const described = {
  id: webhookId,
  project: text('whose events it gets', 'team-a'),
  url,
  events: Type.Array(openEnum(webhookEvents, { description: 'an event that is sent', examples: ['sandbox.ready'] }), {
    description: 'which events are sent; none in the list: all',
    examples: [['sandbox.ready', 'sandbox.failed']],
  }),
  description,
  disabled: Type.Boolean({ description: 'nothing is sent', examples: [false] }),
  disabledReason: nullable(Type.String(), { description: 'why, if the service did it', examples: [null] }),
  lastSuccessAt: nullable(timestamp('when it last took an event; null: not yet')),
  resourceVersion,
  createdAt: timestamp('when it was made'),
};

export const Webhook = Type.Object(described, {
  $id: 'Webhook',
  title: 'Webhook',
  description: 'a receiver of events, without its secret',
});
export type Webhook = Type.Static<typeof Webhook>;

export const WebhookWithSecret = Type.Object(
  {
    ...described,
    secret: text(
      'what deliveries are signed with (Standard Webhooks): told now and never again',
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    ),
  },
  { $id: 'WebhookWithSecret', title: 'WebhookWithSecret', description: 'a receiver with a new secret' },
);
export type WebhookWithSecret = Type.Static<typeof WebhookWithSecret>;

export const WebhookList = pageOf('WebhookList', Webhook, 'a page of receivers');

const Attempt = Type.Object(
  {
    at: timestamp('when it was tried'),
    status: nullable(integer({}), {
      description: 'the HTTP status of the answer, if there was one',
      examples: [200],
    }),
    error: nullable(Type.String(), { description: 'what went wrong', examples: [null] }),
    durationMs: integer({ description: 'how long it took, in milliseconds', minimum: 0, examples: [42] }),
  },
  { title: 'DeliveryAttempt', description: 'one try' },
);
export type Attempt = Type.Static<typeof Attempt>;

export const Delivery = Type.Object(
  {
    id: deliveryId,
    webhookId,
    event: openEnum(webhookEvents, { description: 'what it tells', examples: ['sandbox.ready'] }),
    messageId: text('the webhook-id that receivers know it by', 'evt_1763900000000-0'),
    state: stringEnum(['pending', 'delivered', 'failed'] as const, {
      title: 'DeliveryState',
      description: 'pending: is being tried; failed: was given up, and can be replayed',
      examples: ['delivered'],
    }),
    attempts: Type.Array(Attempt, { description: 'the last 20 tries, oldest first' }),
    attemptCount: integer({ description: 'tries in all', minimum: 0, examples: [1] }),
    nextAttemptAt: nullable(timestamp('when it is tried again; null: no more')),
    createdAt: timestamp('when it happened'),
  },
  { $id: 'Delivery', title: 'Delivery', description: 'one event on its way to one receiver' },
);
export type Delivery = Type.Static<typeof Delivery>;

export const DeliveryList = pageOf('DeliveryList', Delivery, 'a page of deliveries');
