import { Readable } from 'node:stream';
import Type from 'typebox';
import { principalOf } from '../src/http/access.ts';
import type { App } from '../src/http/app-instance.ts';
import { integer, stringEnum } from '../src/schemas/common.ts';
import { sandboxId } from '../src/schemas/sandbox.ts';
import type { RouteDependencies } from './dependencies.ts';
import { answers } from './shared/answers.ts';
import { closeAfter, signalOf } from './shared/request-signal.ts';

const Query = Type.Object(
  {
    component: stringEnum(['kube-apiserver', 'etcd'] as const, {
      description: 'whose log',
      default: 'kube-apiserver',
      examples: ['etcd'],
    }),
    tail: integer({
      description: 'lines from the end',
      default: 100,
      minimum: 0,
      maximum: 10_000,
      examples: [100],
    }),
    follow: Type.Boolean({ description: 'go on with what is written from now on', default: false, examples: [false] }),
  },
  { additionalProperties: false },
);

const getLogs = {
  operationId: 'getLogs',
  summary: 'The log of a component',
  description: 'Plain text; with follow=true a stream that ends with the sandbox, or when the client goes.',
  tags: ['sandboxes'],
  params: Type.Object({ id: sandboxId }),
  querystring: Query,
  response: answers(
    {
      200: {
        description: 'log lines',
        content: {
          'text/plain': {
            schema: Type.String({ description: 'lines as they were written' }),
            example: '{"level":"info","msg":"ready to serve client requests"}\n',
          },
        },
      } as never,
    },
    'logs_unavailable',
    'no_worker',
  ),
};

export function logsRoute(app: App, dependencies: RouteDependencies): void {
  const { service, untilInvalid } = dependencies;
  app.get('/v1/sandboxes/:id/logs', { config: { scope: 'read' }, schema: getLogs }, async (request, reply) => {
    const { id } = request.params;
    const signal = signalOf(request, reply, untilInvalid);
    const chunks = await service.logs(principalOf(request).project, id, request.query, signal);
    closeAfter(signal, reply);
    return reply
      .type('text/plain; charset=utf-8')
      .send(Readable.from(withHeader(chunks, () => reply.raw.flushHeaders())));
  });
}

/** Sends the header when reading begins, so that a request for a log without lines is answered as well. */
async function* withHeader(chunks: AsyncIterable<Buffer>, flush: () => void): AsyncGenerator<Buffer> {
  flush();
  yield* chunks;
}
