import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import type { App, RouteDependencies } from '../src/app.ts';
import { isAppError } from '../src/errors.ts';
import { newSandboxId } from '../src/sandbox/record.ts';
import { ref, stringEnum } from '../src/schemas/common.ts';
import { phases, Sandbox, SandboxCreate, SandboxList, SandboxPatch, sandboxId } from '../src/schemas/sandbox.ts';
import { answers, defaultProject, etag } from './answers.ts';
import { hungUp } from './hung-up.ts';
import { preferredWaitMs } from './prefer.ts';

const Params = Type.Object({ id: sandboxId });
const IfMatch = Type.Object({
  'if-match': Type.Optional(Type.String({ description: 'an ETag: change only this version', examples: ['"7"'] })),
});
const CreateHeaders = Type.Object({
  prefer: Type.Optional(
    Type.String({ description: 'RFC 7240: wait=N waits up to N seconds for ready', examples: ['wait=60'] }),
  ),
  'idempotency-key': Type.Optional(
    Type.String({
      description: 'the same key and body give the same answer for 24 h',
      minLength: 1,
      maxLength: 255,
      examples: ['8e03978e-40d5-43dd-bc93-6894a57f9324'],
    }),
  ),
});

const ListQuery = Type.Object(
  {
    limit: Type.Integer({ description: 'how many at most', default: 50, minimum: 1, maximum: 500, examples: [50] }),
    cursor: Type.Optional(Type.String({ description: 'nextCursor of the page before', maxLength: 200 })),
    phase: Type.Optional(stringEnum(phases, { description: 'only those in this phase', examples: ['ready'] })),
    label: Type.Optional(
      Type.Array(Type.String({ maxLength: 400 }), {
        description: 'only those with this label, key=value; repeatable',
        maxItems: 16,
        examples: [['team=ci']],
      }),
    ),
  },
  { additionalProperties: false },
);

const tags = ['sandboxes'];
const one = (description: string) => ({ ...ref(Sandbox), description });

export function sandboxRoutes(app: App, { service, once, closing }: RouteDependencies): void {
  app.post(
    '/v1/sandboxes',
    {
      // Without a body, all is as by default: the same as {}.
      preValidation: async (request) => {
        request.body ??= {} as SandboxCreate;
      },
      schema: {
        operationId: 'createSandbox',
        summary: 'Create a sandbox',
        description:
          'Answers at once; with `Prefer: wait=N` when it is ready, or after N seconds. `{}` is a valid body.',
        tags,
        headers: CreateHeaders,
        body: SandboxCreate,
        response: answers(
          { 201: one('ready'), 202: one('accepted') },
          'malformed_body',
          'validation_failed',
          'unsupported_version',
          'argument_not_allowed',
          'idempotency_in_flight',
          'idempotency_mismatch',
          'body_too_large',
          'unsupported_media_type',
          'no_worker',
        ),
      },
    },
    async (request, reply) => {
      const { prefer, 'idempotency-key': key } = request.headers;
      const create = (id: string) => createAndWait(id, request.body, preferredWaitMs(prefer), hungUp(reply, closing));
      if (key === undefined) return sendCreated(reply, await create(newSandboxId()));
      const identity = { project: defaultProject, key, body: request.body, newId: newSandboxId };
      const answer = await once(identity, async (id) => {
        const { status, sandbox } = await create(id);
        return { status, body: JSON.stringify(sandbox) };
      });
      return sendCreated(reply, { status: answer.status, sandbox: JSON.parse(answer.body) as Sandbox });
    },
  );

  async function createAndWait(id: string, body: SandboxCreate, waitMs: number, signal: AbortSignal) {
    const accepted = await service.create(defaultProject, body, id);
    if (waitMs === 0) return { status: 202, sandbox: accepted };
    try {
      return { status: 201, sandbox: await service.wait(defaultProject, id, 'ready', waitMs, signal) };
    } catch (error) {
      // It exists, whatever became of it: its status tells.
      if (isAppError(error, 'wait_timeout') || isAppError(error, 'phase_unreachable')) {
        return { status: 202, sandbox: await service.get(defaultProject, id) };
      }
      throw error;
    }
  }

  app.get(
    '/v1/sandboxes',
    {
      schema: {
        operationId: 'listSandboxes',
        summary: 'List sandboxes, newest first',
        tags,
        querystring: ListQuery,
        response: answers({ 200: { ...ref(SandboxList), description: 'a page' } }, 'validation_failed'),
      },
    },
    async (request) => await service.list(defaultProject, request.query),
  );

  app.get(
    '/v1/sandboxes/:id',
    {
      schema: {
        operationId: 'getSandbox',
        summary: 'Read a sandbox',
        tags,
        params: Params,
        response: answers({ 200: one('the sandbox') }, 'not_found', 'validation_failed'),
      },
    },
    async (request, reply) => sendSandbox(reply, await service.get(defaultProject, request.params.id)),
  );

  app.patch(
    '/v1/sandboxes/:id',
    {
      schema: {
        operationId: 'updateSandbox',
        summary: 'Change name, labels or time to live',
        description: 'A merge patch (RFC 7396), as application/merge-patch+json or application/json.',
        tags,
        params: Params,
        headers: IfMatch,
        body: SandboxPatch,
        response: answers(
          { 200: one('as it is now') },
          'malformed_body',
          'validation_failed',
          'not_found',
          'conflict',
          'precondition_failed',
          'body_too_large',
          'unsupported_media_type',
        ),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      return sendSandbox(reply, await service.patch(defaultProject, id, request.body, request.headers['if-match']));
    },
  );

  app.delete(
    '/v1/sandboxes/:id',
    {
      schema: {
        operationId: 'deleteSandbox',
        summary: 'Delete a sandbox and everything it has',
        description: 'Wait for the end with waitForSandbox, for=deleted.',
        tags,
        params: Params,
        headers: IfMatch,
        response: answers({ 202: one('being deleted') }, 'not_found', 'precondition_failed', 'validation_failed'),
      },
    },
    async (request, reply) => {
      const deleting = await service.remove(defaultProject, request.params.id, request.headers['if-match']);
      return reply.status(202).send(deleting);
    },
  );
}

function sendCreated(reply: FastifyReply, { status, sandbox }: { status: number; sandbox: Sandbox }) {
  reply.status(status).header('location', `/v1/sandboxes/${sandbox.id}`).header('etag', etag(sandbox.resourceVersion));
  if (status === 202) reply.header('retry-after', '1');
  return reply.send(sandbox);
}

function sendSandbox(reply: FastifyReply, sandbox: Sandbox) {
  return reply.header('etag', etag(sandbox.resourceVersion)).send(sandbox);
}
