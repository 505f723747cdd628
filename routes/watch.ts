import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { AppError } from '../src/errors.ts';
import { principalOf } from '../src/http/access.ts';
import type { App } from '../src/http/app-instance.ts';
import { negotiate } from '../src/http/negotiate.ts';
import { ref } from '../src/schemas/common.ts';
import { exampleEventId, exampleWatchEvent } from '../src/schemas/examples.ts';
import { sandboxId } from '../src/schemas/sandbox.ts';
import { WatchEvent, WatchMessage } from '../src/schemas/watch.ts';
import type { WatchItem } from '../src/watch/follow.ts';
import type { WatchQuery } from '../src/watch/watch.ts';
import type { RouteDependencies } from './dependencies.ts';
import { noStoreHeader } from './shared/answer-headers.ts';
import { answers } from './shared/answers.ts';
import { labelSelector } from './shared/parameters.ts';
import { closeAfter, signalOf } from './shared/request-signal.ts';

const eventIds = '\\d{1,15}-\\d{1,10}';
const since = Type.Optional(
  Type.String({
    description: 'resume after this event; without it, what is there is told first, then what changes',
    pattern: `^${eventIds}$`,
    maxLength: 26,
    examples: [exampleEventId],
  }),
);
const Headers = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({
      description: 'the same as since, as browsers send it',
      pattern: `^(${eventIds})?$`,
      format: 'event-id',
      'x-error-code': 'invalid_cursor',
      maxLength: 26,
      examples: [exampleEventId],
    }),
  ),
});

const ndjson = 'application/x-ndjson';
const eventStream = 'text/event-stream';
/** Tells browsers to come again soon, and proxies to pass on what there is. */
const greeting = 'retry: 1000\n\n';

const description =
  'Server-sent events, or NDJSON by Accept. A comment or a bookmark every 15 s shows that it lives. After 410, go on from `fresh`.';

const lines = { schema: ref(WatchEvent), example: exampleWatchEvent };
const messages = {
  schema: WatchMessage,
  example: { event: exampleWatchEvent.type, id: exampleEventId, data: JSON.stringify(exampleWatchEvent) },
};

const response = answers(
  {
    200: {
      description: 'changes, until the client goes',
      headers: noStoreHeader,
      content: { [ndjson]: lines, [eventStream]: messages },
    } as never,
  },
  'watch_expired',
  'too_many_watchers',
  'invalid_selector',
  'not_acceptable',
);

const watchSandboxes = {
  operationId: 'watchSandboxes',
  summary: 'Watch the sandboxes of a project',
  description: `${description} With a label selector, a sandbox that comes to match is told as added, one that no longer does as deleted.`,
  tags: ['sandboxes'],
  headers: Headers,
  querystring: Type.Object({ since, label: labelSelector }, { additionalProperties: false }),
  response,
};

const watchSandbox = {
  operationId: 'watchSandbox',
  summary: 'Watch one sandbox',
  description: `${description} Ends after its deletion.`,
  tags: ['sandboxes'],
  params: Type.Object({ id: sandboxId }),
  headers: Headers,
  querystring: Type.Object({ since }, { additionalProperties: false }),
  response,
};

export function watchRoutes(app: App, dependencies: RouteDependencies): void {
  app.get('/v1/sandboxes/watch', { config: { scope: 'read' }, schema: watchSandboxes }, async (request, reply) => {
    const { label } = request.query;
    return await stream(request, reply, dependencies, { ...(label ? { label } : {}), ...resumption(request) });
  });

  app.get(
    '/v1/sandboxes/:id/watch',
    { config: { scope: 'read' }, schema: watchSandbox },
    async (request, reply) =>
      await stream(request, reply, dependencies, { sandboxId: request.params.id, ...resumption(request) }),
  );
}

/** The header counts before the query: a browser that reconnects sends both. */
function resumption(request: FastifyRequest): { since?: string } {
  const last = request.headers['last-event-id'] as string | undefined;
  const { since } = request.query as { since?: string };
  const position = last || since;
  return position ? { since: position } : {};
}

async function stream(
  request: FastifyRequest,
  reply: FastifyReply,
  { watch, untilInvalid }: RouteDependencies,
  query: WatchQuery,
): Promise<FastifyReply> {
  const type = negotiate(request.headers.accept, [eventStream, ndjson]);
  const signal = signalOf(request, reply, untilInvalid);
  const items = await watch(principalOf(request).project, query, signal);
  closeAfter(signal, reply);
  const encode = type === ndjson ? encodeLine : encodeEvent;
  return reply
    .type(type === ndjson ? ndjson : `${eventStream}; charset=utf-8`)
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no')
    .send(Readable.from(chunks(items, encode, type === ndjson ? '' : greeting), { highWaterMark: 1 }));
}

async function* chunks(
  items: AsyncGenerator<WatchItem>,
  encode: (item: WatchItem) => string,
  first: string,
): AsyncGenerator<string> {
  if (first) yield first;
  try {
    for await (const item of items) yield encode(item);
  } catch (error) {
    // The answer has begun, so its status cannot change: the stream ends, the client connects again, and is then told
    // why.
    if (!(error instanceof AppError)) throw error;
  }
}

function encodeLine({ line }: WatchItem): string {
  return `${line}\n`;
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html; an id without data only moves the position. */
function encodeEvent({ id, type, line }: WatchItem): string {
  if (type === 'bookmark') return `: alive\nid: ${id}\n\n`;
  return `${id === null ? '' : `id: ${id}\n`}event: ${type}\ndata: ${line}\n\n`;
}
