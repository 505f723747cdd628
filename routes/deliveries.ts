import Type from 'typebox';
import type { App } from '../src/http/app-instance.ts';
import { answered } from '../src/operations/operation.ts';
import { exampleDelivery, pendingDelivery } from '../src/schemas/example-projects.ts';
import { Delivery, DeliveryList, deliveryId, webhookId } from '../src/schemas/webhook.ts';
import type { RouteDependencies } from './dependencies.ts';
import { answer, answers, pageAnswers, postCodes } from './shared/answers.ts';
import { operations } from './shared/operation.ts';
import { PageQuery, PostHeaders } from './shared/parameters.ts';

const tags = ['webhooks'];
const OfWebhook = Type.Object({ id: webhookId });
const One = Type.Object({ id: webhookId, delivery: deliveryId });

const listDeliveries = {
  operationId: 'listDeliveries',
  summary: 'List what was sent to a receiver, newest first',
  description: 'What is done with is kept for 7 days.',
  tags,
  params: OfWebhook,
  querystring: PageQuery,
  response: pageAnswers(DeliveryList, { items: [exampleDelivery], nextCursor: null }),
};

const getDelivery = {
  operationId: 'getDelivery',
  summary: 'Read a delivery and its tries',
  description: 'What each of the last 20 tries was answered with, or what went wrong.',
  tags,
  params: One,
  response: answers({ 200: answer(Delivery, { description: 'the delivery', example: exampleDelivery }) }),
};

const replayDelivery = {
  operationId: 'replayDelivery',
  summary: 'Send a delivery again',
  description: 'With the webhook-id that it had, a new timestamp, and the secrets of now.',
  tags,
  params: One,
  headers: PostHeaders,
  response: answers(
    { 202: answer(Delivery, { description: 'is being tried', example: pendingDelivery }) },
    ...postCodes,
    'delivery_pending',
    'webhook_disabled',
  ),
};

export function deliveryRoutes(app: App, dependencies: RouteDependencies): void {
  const { webhooks } = dependencies;
  const add = operations(app, dependencies);
  add.get(
    '/v1/webhooks/:id/deliveries',
    { scope: 'read', compressed: true, schema: listDeliveries },
    async ({ principal, params, query }) =>
      answered(await webhooks.listDeliveries(principal.project, params.id, query)),
  );

  add.get(
    '/v1/webhooks/:id/deliveries/:delivery',
    { scope: 'read', schema: getDelivery },
    async ({ principal, params }) =>
      answered(await webhooks.getDelivery(principal.project, params.id, params.delivery)),
  );

  add.post(
    '/v1/webhooks/:id/deliveries/:delivery/replay',
    { scope: 'write', schema: replayDelivery },
    async ({ principal, params }) =>
      answered(await webhooks.replay(principal.project, params.id, params.delivery), { status: 202 }),
  );
}
