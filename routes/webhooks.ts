import Type from 'typebox';
import type { App } from '../src/http/app-instance.ts';
import { answered } from '../src/operations/operation.ts';
import { exampleNewWebhook, exampleWebhook } from '../src/schemas/example-projects.ts';
import {
  Webhook,
  WebhookCreate,
  WebhookList,
  WebhookPatch,
  WebhookWithSecret,
  webhookId,
} from '../src/schemas/webhook.ts';
import type { RouteDependencies } from './dependencies.ts';
import { locationHeader, noStoreHeader } from './shared/answer-headers.ts';
import { answers, bodyCodes, noContent, pageAnswers, postCodes, versioned } from './shared/answers.ts';
import { withEtag } from './shared/etag.ts';
import { operations } from './shared/operation.ts';
import { IfMatchHeaders, PageQuery, PostHeaders } from './shared/parameters.ts';

const tags = ['webhooks'];
const Params = Type.Object({ id: webhookId });
const one = (description: string) => versioned(Webhook, { description, example: exampleWebhook });
const withSecret = (description: string, more = {}) =>
  versioned(WebhookWithSecret, {
    description,
    example: exampleNewWebhook,
    headers: { ...noStoreHeader, ...more },
  });
const addressCodes = ['webhook_address_forbidden', 'webhook_unresolvable'] as const;

const createWebhook = {
  operationId: 'createWebhook',
  summary: 'Add a receiver of events',
  description:
    'Deliveries are signed by Standard Webhooks with `secret`, which is told now and never again. Tried for 24 h; redirects are not followed; receivers tell repeats by webhook-id.',
  tags,
  headers: PostHeaders,
  body: WebhookCreate,
  response: answers(
    { 201: withSecret('made', locationHeader) },
    ...postCodes,
    ...addressCodes,
    'quota_exceeded',
    'project_deleting',
  ),
};

const listWebhooks = {
  operationId: 'listWebhooks',
  summary: 'List receivers, newest first',
  description: 'Without their secrets.',
  tags,
  querystring: PageQuery,
  response: pageAnswers(WebhookList, { items: [exampleWebhook], nextCursor: null }),
};

const getWebhook = {
  operationId: 'getWebhook',
  summary: 'Read a receiver',
  description: 'Where it gets which events, and whether it is disabled.',
  tags,
  params: Params,
  response: answers({ 200: one('the receiver') }),
};

const updateWebhook = {
  operationId: 'updateWebhook',
  summary: 'Change a receiver, disable it or enable it again',
  description: 'A merge patch (RFC 7396).',
  tags,
  params: Params,
  headers: IfMatchHeaders,
  body: WebhookPatch,
  response: answers({ 200: one('as it is now') }, ...bodyCodes, ...addressCodes, 'precondition_failed'),
};

const deleteWebhook = {
  operationId: 'deleteWebhook',
  summary: 'Remove a receiver and its deliveries',
  description: 'At once: what waits for another try is not sent any more.',
  tags,
  params: Params,
  headers: IfMatchHeaders,
  response: answers({ 204: noContent }, ...bodyCodes, 'precondition_failed'),
};

const rotateWebhookSecret = {
  operationId: 'rotateWebhookSecret',
  summary: 'Make a new secret',
  description: 'For 24 h, deliveries are signed with the new and the one before.',
  tags,
  params: Params,
  headers: PostHeaders,
  response: answers({ 200: withSecret('with the new secret') }, ...postCodes),
};

export function webhookRoutes(app: App, dependencies: RouteDependencies): void {
  const { webhooks } = dependencies;
  const add = operations(app, dependencies);
  add.post('/v1/webhooks', { scope: 'write', schema: createWebhook }, async ({ principal, body }, seed) => {
    const webhook = await webhooks.create(principal.project, `wh-${seed}`, body);
    const headers = { location: `/v1/webhooks/${webhook.id}`, 'cache-control': 'no-store' };
    return withEtag(webhook, { status: 201, headers });
  });

  add.get('/v1/webhooks', { scope: 'read', compressed: true, schema: listWebhooks }, async ({ principal, query }) =>
    answered(await webhooks.list(principal.project, query)),
  );

  add.get('/v1/webhooks/:id', { scope: 'read', schema: getWebhook }, async ({ principal, params }) =>
    withEtag(await webhooks.get(principal.project, params.id)),
  );

  add.patch(
    '/v1/webhooks/:id',
    { scope: 'write', schema: updateWebhook },
    async ({ principal, params, body, headers }) =>
      withEtag(await webhooks.patch(principal.project, params.id, body, headers['if-match'])),
  );

  add.delete('/v1/webhooks/:id', { scope: 'write', schema: deleteWebhook }, async ({ principal, params, headers }) => {
    await webhooks.remove(principal.project, params.id, headers['if-match']);
    return answered(null, { status: 204 });
  });

  add.post(
    '/v1/webhooks/:id/rotate',
    { scope: 'write', schema: rotateWebhookSecret },
    async ({ principal, params }, seed) =>
      withEtag(await webhooks.rotate(principal.project, params.id, seed), { headers: { 'cache-control': 'no-store' } }),
  );
}
