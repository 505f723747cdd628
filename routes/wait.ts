import Type from 'typebox';
import type { App } from '../src/http/app-instance.ts';
import { integer } from '../src/schemas/common.ts';
import { exampleSandbox } from '../src/schemas/examples.ts';
import { phase, Sandbox, sandboxId } from '../src/schemas/sandbox.ts';
import type { RouteDependencies } from './dependencies.ts';
import { answers, versioned } from './shared/answers.ts';
import { withEtag } from './shared/etag.ts';
import { operations } from './shared/operation.ts';

const Query = Type.Object(
  {
    for: { ...phase, description: 'the phase to wait for; default: ready', default: 'ready' },
    timeout: integer({
      description: 'how many seconds at most',
      default: 60,
      minimum: 0,
      maximum: 300,
      examples: [60],
    }),
  },
  { additionalProperties: false },
);

const waitForSandbox = {
  operationId: 'waitForSandbox',
  summary: 'Wait until a sandbox is in a phase',
  description: 'A long poll. Fails at once when the phase can no longer be reached.',
  tags: ['sandboxes'],
  params: Type.Object({ id: sandboxId }),
  querystring: Query,
  response: answers(
    { 200: versioned(Sandbox, { description: 'in that phase', example: exampleSandbox }) },
    'wait_timeout',
    'phase_unreachable',
  ),
};

export function waitRoute(app: App, dependencies: RouteDependencies): void {
  const { service } = dependencies;
  const add = operations(app, dependencies);
  add.get(
    '/v1/sandboxes/:id/wait',
    { scope: 'read', schema: waitForSandbox },
    async ({ principal, params, query, signal }) =>
      withEtag(await service.wait(principal.project, params.id, query.for, query.timeout * 1000, signal())),
  );
}
