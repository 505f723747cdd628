import Type from 'typebox';
import type { App } from '../src/http/app-instance.ts';
import { answered } from '../src/operations/operation.ts';
import { exampleHistory } from '../src/schemas/examples.ts';
import { HistoryList } from '../src/schemas/history.ts';
import { sandboxId } from '../src/schemas/sandbox.ts';
import type { RouteDependencies } from './dependencies.ts';
import { answer, answers } from './shared/answers.ts';
import { operations } from './shared/operation.ts';

const listSandboxEvents = {
  operationId: 'listSandboxEvents',
  summary: 'What happened to a sandbox, and why',
  description: 'Kept for 24 h after its deletion.',
  tags: ['sandboxes'],
  params: Type.Object({ id: sandboxId }),
  response: answers({
    200: answer(HistoryList, { description: 'oldest first', example: { items: exampleHistory } }),
  }),
};

export function historyRoute(app: App, dependencies: RouteDependencies): void {
  const { service } = dependencies;
  const add = operations(app, dependencies);
  add.get(
    '/v1/sandboxes/:id/events',
    { scope: 'read', compressed: true, schema: listSandboxEvents },
    async ({ principal, params }) => answered({ items: await service.history(principal.project, params.id) }),
  );
}
