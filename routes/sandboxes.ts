import Type from 'typebox';
import type { App } from '../src/http/app-instance.ts';
import { type Answer, answered } from '../src/operations/operation.ts';
import { etag } from '../src/resources/etag.ts';
import { type Created, createAndWait } from '../src/sandbox/create-and-wait.ts';
import { newSandboxId } from '../src/sandbox/record.ts';
import {
  deletingSandbox,
  exampleCursor,
  exampleEventId,
  exampleSandbox,
  pendingSandbox,
} from '../src/schemas/examples.ts';
import { phase, Sandbox, SandboxList, sandboxId } from '../src/schemas/sandbox.ts';
import { SandboxCreate, SandboxPatch } from '../src/schemas/sandbox-input.ts';
import type { RouteDependencies } from './dependencies.ts';
import { locationHeader, retryAfterHeader } from './shared/answer-headers.ts';
import { answers, bodyCodes, pageAnswers, postCodes, versioned } from './shared/answers.ts';
import { withEtag } from './shared/etag.ts';
import { operations } from './shared/operation.ts';
import { cursor, IfMatchHeaders, idempotencyKey, labelSelector, limit } from './shared/parameters.ts';
import { preferredWaitMs } from './shared/prefer.ts';

const Params = Type.Object({ id: sandboxId });
const CreateHeaders = Type.Object({
  prefer: Type.Optional(
    Type.String({
      description: 'RFC 7240: wait=N waits up to N seconds, at most 300, for ready',
      maxLength: 1000,
      examples: ['wait=60'],
    }),
  ),
  'idempotency-key': idempotencyKey,
});

const ListQuery = Type.Object(
  {
    limit,
    cursor,
    phase: Type.Optional({ ...phase, description: 'only those in this phase' }),
    label: labelSelector,
  },
  { additionalProperties: false },
);

const DeleteQuery = Type.Object(
  {
    force: Type.Boolean({
      description:
        'when no worker serves its host, remove its record at once: what runs on that host and its files may be left there until a worker serves it again, and the answer says so',
      default: false,
      examples: [false],
    }),
  },
  { additionalProperties: false },
);

const tags = ['sandboxes'];
const one = (description: string) => versioned(Sandbox, { description, example: exampleSandbox });

const createSandbox = {
  operationId: 'createSandbox',
  summary: 'Create a sandbox',
  description: 'Answers at once; with `Prefer: wait=N` when it is ready, or after N seconds. `{}` is a valid body.',
  tags,
  headers: CreateHeaders,
  body: SandboxCreate,
  response: answers(
    {
      201: versioned(Sandbox, { description: 'ready', example: exampleSandbox, headers: locationHeader }),
      202: versioned(Sandbox, {
        description: 'accepted; its status tells how it goes on',
        example: pendingSandbox,
        headers: { ...locationHeader, ...retryAfterHeader },
      }),
    },
    ...postCodes,
    'unsupported_version',
    'argument_not_allowed',
    'arguments_conflict',
    'quota_exceeded',
    'project_deleting',
    'no_worker',
  ),
};

const listSandboxes = {
  operationId: 'listSandboxes',
  summary: 'List sandboxes, newest first',
  description:
    'By pages; `since` says where to watch on from, so that nothing is missed: with several pages, that of the first.',
  tags,
  querystring: ListQuery,
  response: pageAnswers(
    SandboxList,
    { items: [exampleSandbox], nextCursor: exampleCursor, since: exampleEventId },
    'invalid_selector',
  ),
};

const getSandbox = {
  operationId: 'getSandbox',
  summary: 'Read a sandbox',
  description: 'What was asked for and what was observed. A deleted one is not found any more.',
  tags,
  params: Params,
  response: answers({ 200: one('the sandbox') }),
};

const updateSandbox = {
  operationId: 'updateSandbox',
  summary: 'Change name, labels or time to live',
  description: 'A merge patch (RFC 7396), as application/merge-patch+json or application/json.',
  tags,
  params: Params,
  headers: IfMatchHeaders,
  body: SandboxPatch,
  response: answers(
    { 200: one('as it is now') },
    ...bodyCodes,
    'sandbox_deleting',
    'precondition_failed',
    'quota_exceeded',
  ),
};

const deleteSandbox = {
  operationId: 'deleteSandbox',
  summary: 'Delete a sandbox and everything it has',
  description:
    'Wait for the end with waitForSandbox, for=deleted. While no worker serves its host, that is when one does again, unless it is forced.',
  tags,
  params: Params,
  headers: IfMatchHeaders,
  querystring: DeleteQuery,
  response: answers(
    { 202: versioned(Sandbox, { description: 'being deleted; by force, deleted', example: deletingSandbox }) },
    ...bodyCodes,
    'precondition_failed',
  ),
};

export function sandboxRoutes(app: App, dependencies: RouteDependencies): void {
  const { service } = dependencies;
  const add = operations(app, dependencies);
  add.post(
    '/v1/sandboxes',
    {
      scope: 'write',
      schema: createSandbox,
    },
    async ({ principal, body, headers, signal, audited: auditedAs }, seed) => {
      const id = newSandboxId(seed);
      const audited = auditedAs({ status: 202, target: `/v1/sandboxes/${id}` });
      const waitMs = preferredWaitMs(headers.prefer);
      return createdAnswer(await createAndWait(service, principal, body, { id, audited, waitMs, signal }));
    },
  );

  add.get('/v1/sandboxes', { scope: 'read', compressed: true, schema: listSandboxes }, async ({ principal, query }) =>
    answered(await service.list(principal.project, query)),
  );

  add.get('/v1/sandboxes/:id', { scope: 'read', schema: getSandbox }, async ({ principal, params }) => {
    const { text, resourceVersion } = await service.getText(principal.project, params.id);
    return answered(text, { headers: { etag: etag(resourceVersion) } });
  });

  add.patch(
    '/v1/sandboxes/:id',
    { scope: 'write', schema: updateSandbox },
    async ({ principal, params, body, headers }) =>
      withEtag(await service.patch(principal, params.id, body, headers['if-match'])),
  );

  add.delete(
    '/v1/sandboxes/:id',
    { scope: 'write', schema: deleteSandbox },
    async ({ principal, params, headers, query }) =>
      withEtag(await service.remove(principal, params.id, { ifMatch: headers['if-match'], ...query }), { status: 202 }),
  );
}

function createdAnswer({ isReady, sandbox: { id, text, resourceVersion } }: Created): Answer {
  const headers = { location: `/v1/sandboxes/${id}`, etag: etag(resourceVersion) };
  if (isReady) return answered(text, { status: 201, headers });
  return answered(text, { status: 202, headers: { ...headers, 'retry-after': '1' } });
}
