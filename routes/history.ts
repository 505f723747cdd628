import Type from 'typebox';
import type { App, RouteDependencies } from '../src/app.ts';
import { answer } from '../src/operation.ts';
import { ref } from '../src/schemas/common.ts';
import { HistoryList } from '../src/schemas/history.ts';
import { sandboxId } from '../src/schemas/sandbox.ts';
import { answers } from './answers.ts';
import { operations } from './operation.ts';

export function historyRoute(app: App, dependencies: RouteDependencies): void {
  const { service } = dependencies;
  const add = operations(app, dependencies);
  add.get(
    '/v1/sandboxes/:id/events',
    {
      config: { scope: 'read', compressed: true },
      schema: {
        operationId: 'listSandboxEvents',
        summary: 'What happened to a sandbox, and why',
        description: 'Kept for 24 h after its deletion.',
        tags: ['sandboxes'],
        params: Type.Object({ id: sandboxId }),
        response: answers({ 200: { ...ref(HistoryList), description: 'oldest first' } }),
      },
    },
    async ({ proven, params }) => answer({ items: await service.history(proven.project, params.id) }),
  );
}
