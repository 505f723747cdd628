import Type from 'typebox';
import type { App, RouteDependencies } from '../src/app.ts';
import { ref, stringEnum } from '../src/schemas/common.ts';
import { phases, Sandbox, sandboxId } from '../src/schemas/sandbox.ts';
import { answers, defaultProject, etag } from './answers.ts';
import { hungUp } from './hung-up.ts';

const Query = Type.Object(
  {
    for: stringEnum(phases, { description: 'the phase to wait for', default: 'ready', examples: ['ready'] }),
    timeout: Type.Number({ description: 'seconds', default: 60, minimum: 0, maximum: 300, examples: [60] }),
  },
  { additionalProperties: false },
);

export function waitRoute(app: App, { service, closing }: RouteDependencies): void {
  app.get(
    '/v1/sandboxes/:id/wait',
    {
      schema: {
        operationId: 'waitForSandbox',
        summary: 'Wait until a sandbox is in a phase',
        description: 'A long poll. Fails at once when the phase can no longer be reached.',
        tags: ['sandboxes'],
        params: Type.Object({ id: sandboxId }),
        querystring: Query,
        response: answers(
          { 200: { ...ref(Sandbox), description: 'in that phase' } },
          'not_found',
          'wait_timeout',
          'phase_unreachable',
          'validation_failed',
        ),
      },
    },
    async (request, reply) => {
      const { for: phase, timeout } = request.query;
      const sandbox = await service.wait(
        defaultProject,
        request.params.id,
        phase,
        timeout * 1000,
        hungUp(reply, closing),
      );
      return reply.header('etag', etag(sandbox.resourceVersion)).send(sandbox);
    },
  );
}
