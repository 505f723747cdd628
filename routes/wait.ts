import Type from 'typebox';
import type { App, RouteDependencies } from '../src/app.ts';
import { ref, stringEnum } from '../src/schemas/common.ts';
import { phases, Sandbox, sandboxId } from '../src/schemas/sandbox.ts';
import { answers } from './answers.ts';
import { withEtag } from './etag.ts';
import { operations } from './operation.ts';

const Query = Type.Object(
  {
    for: stringEnum(phases, { description: 'the phase to wait for', default: 'ready', examples: ['ready'] }),
    timeout: Type.Number({ description: 'seconds', default: 60, minimum: 0, maximum: 300, examples: [60] }),
  },
  { additionalProperties: false },
);

export function waitRoute(app: App, dependencies: RouteDependencies): void {
  const { service } = dependencies;
  const add = operations(app, dependencies);
  add.get(
    '/v1/sandboxes/:id/wait',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'waitForSandbox',
        summary: 'Wait until a sandbox is in a phase',
        description: 'A long poll. Fails at once when the phase can no longer be reached.',
        tags: ['sandboxes'],
        params: Type.Object({ id: sandboxId }),
        querystring: Query,
        response: answers(
          { 200: { ...ref(Sandbox), description: 'in that phase' } },
          'wait_timeout',
          'phase_unreachable',
        ),
      },
    },
    async ({ proven, params, query, gone }) =>
      withEtag(await service.wait(proven.project, params.id, query.for, query.timeout * 1000, gone())),
  );
}
