import Type from 'typebox';
import type { App, RouteDependencies } from '../src/app.ts';
import { etag } from '../src/etag.ts';
import { answer } from '../src/operation.ts';
import { ref } from '../src/schemas/common.ts';
import {
  Webhook,
  WebhookCreate,
  WebhookList,
  WebhookPatch,
  WebhookWithSecret,
  webhookId,
} from '../src/schemas/webhook.ts';
import { answers, bodyCodes, noContent, postCodes } from './answers.ts';
import { withEtag } from './etag.ts';
import { answerOnce } from './idempotent.ts';
import { operations } from './operation.ts';
import { IfMatchHeaders, PageQuery, PostHeaders } from './parameters.ts';

const tags = ['webhooks'];
const Params = Type.Object({ id: webhookId });
const one = (description: string) => ({ ...ref(Webhook), description });
const withSecret = (description: string) => ({ ...ref(WebhookWithSecret), description });
const addressCodes = ['webhook_address_forbidden', 'webhook_unresolvable'] as const;

export function webhookRoutes(app: App, dependencies: RouteDependencies): void {
  const { webhooks, once } = dependencies;
  const add = operations(app, dependencies);
  add.post(
    '/v1/webhooks',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'createWebhook',
        summary: 'Add a receiver of events',
        description:
          'Deliveries are signed by Standard Webhooks with `secret`, which is told now and never again. Tried for 24 h; redirects are not followed; receivers tell repeats by webhook-id.',
        tags,
        headers: PostHeaders,
        body: WebhookCreate,
        response: answers(
          { 201: withSecret('made') },
          ...postCodes,
          ...addressCodes,
          'quota_exceeded',
          'project_deleting',
        ),
      },
    },
    async (call) =>
      await answerOnce(call, once, async (seed) => {
        const webhook = await webhooks.create(call.proven.project, `wh-${seed}`, call.body);
        const headers = { location: `/v1/webhooks/${webhook.id}`, etag: etag(webhook.resourceVersion) };
        return { status: 201, headers: { ...headers, 'cache-control': 'no-store' }, body: JSON.stringify(webhook) };
      }),
  );

  add.get(
    '/v1/webhooks',
    {
      config: { scope: 'read', compressed: true },
      schema: {
        operationId: 'listWebhooks',
        summary: 'List receivers, newest first',
        tags,
        querystring: PageQuery,
        response: answers({ 200: { ...ref(WebhookList), description: 'a page' } }, 'invalid_cursor'),
      },
    },
    async ({ proven, query }) => answer(await webhooks.list(proven.project, query)),
  );

  add.get(
    '/v1/webhooks/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getWebhook',
        summary: 'Read a receiver',
        tags,
        params: Params,
        response: answers({ 200: one('the receiver') }),
      },
    },
    async ({ proven, params }) => withEtag(await webhooks.get(proven.project, params.id)),
  );

  add.patch(
    '/v1/webhooks/:id',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'updateWebhook',
        summary: 'Change a receiver, disable it or enable it again',
        description: 'A merge patch (RFC 7396).',
        tags,
        params: Params,
        headers: IfMatchHeaders,
        body: WebhookPatch,
        response: answers({ 200: one('as it is now') }, ...bodyCodes, ...addressCodes, 'precondition_failed'),
      },
    },
    async ({ proven, params, body, headers }) =>
      withEtag(await webhooks.patch(proven.project, params.id, body, headers['if-match'])),
  );

  add.delete(
    '/v1/webhooks/:id',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'deleteWebhook',
        summary: 'Remove a receiver and its deliveries',
        tags,
        params: Params,
        headers: IfMatchHeaders,
        response: answers({ 204: noContent }, 'precondition_failed'),
      },
    },
    async ({ proven, params, headers }) => {
      await webhooks.remove(proven.project, params.id, headers['if-match']);
      return answer(null, { status: 204 });
    },
  );

  add.post(
    '/v1/webhooks/:id/rotate',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'rotateWebhookSecret',
        summary: 'Make a new secret',
        description: 'For 24 h, deliveries are signed with the new and the one before.',
        tags,
        params: Params,
        headers: PostHeaders,
        response: answers({ 200: withSecret('with the new secret') }, ...postCodes),
      },
    },
    async (call) =>
      await answerOnce(call, once, async () => {
        const webhook = await webhooks.rotate(call.proven.project, call.params.id);
        const headers = { etag: etag(webhook.resourceVersion), 'cache-control': 'no-store' };
        return { status: 200, headers, body: JSON.stringify(webhook) };
      }),
  );
}
