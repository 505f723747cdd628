import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { AppError, type ErrorCode, untold } from '../errors.ts';
import type { RefusalLog } from '../operations/refusal-log.ts';
import { asStoreError } from '../redis/connection.ts';
import type { Problem } from '../schemas/problem.ts';

/** Answers every error of a request as a problem. */
export const problems = fp<{ logRefusal: RefusalLog }>(
  async (app, { logRefusal }) => {
    app.decorate('logRefusal', logRefusal);
    app.decorateRequest('failedWith', undefined);
    app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  },
  { name: 'problems' },
);

/** Answers an error as an RFC 9457 problem. A fault of the service is logged here and nowhere else. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = toAppError(error);
  const { http, title } = known.kind;
  request.failedWith = known.code;
  if (http >= 500) {
    const refusal = { address: request.ip, kind: `fault ${known.code}`, isFault: true };
    request.server.logRefusal(refusal, () => request.log.error({ err: error }, known.message));
  }
  const problem: Problem = {
    type: 'about:blank',
    title,
    status: http,
    detail: known.code === 'internal' ? untold : known.message,
    code: known.code,
    requestId: request.id,
    ...(known.faults.length > 0 ? { errors: [...known.faults] } : {}),
    ...(known.limit ? { limit: known.limit } : {}),
    ...known.extension,
  };
  if (known.retryAfterSeconds !== undefined) reply.header('retry-after', String(known.retryAfterSeconds));
  if (http === 401) reply.header('www-authenticate', 'Bearer');
  return reply.status(http).type('application/problem+json').serializer(JSON.stringify).send(problem);
}

const fastifyCodes: Readonly<Record<string, [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['body_too_large', 'The body must have at most 65536 bytes.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'Send JSON, with Content-Type: application/json.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed_body', 'The body is empty. Send at least {}.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['malformed_body', 'The body is not JSON.'],
  FST_CP_ERR_INVALID_CONTENT_ENCODING: [
    'unsupported_media_type',
    'Send the body as it is, or with Content-Encoding gzip or deflate.',
  ],
  FST_ERR_MAX_PARAM_LENGTH: ['not_found', 'Nothing here has so long a name.'],
  FST_ERR_BAD_URL: ['malformed_request', 'The path is not a valid one (RFC 3986): check its percent-encoding.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed_body', 'The Content-Length does not fit the body.'],
};

function toAppError(error: unknown): AppError {
  const stored = asStoreError(error);
  if (stored instanceof AppError) return stored;
  const { code, statusCode = 500, message } = stored as FastifyError;
  const [known, detail] = fastifyCodes[code] ?? [];
  if (known && detail) return new AppError(known, detail, { cause: error });
  if (statusCode === 400) return new AppError('malformed_body', message, { cause: error });
  if (statusCode === 503) return new AppError('shutting_down', 'The service is stopping. Try again.', { cause: error });
  return new AppError('internal', 'Something went wrong.', { cause: error });
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly logRefusal: RefusalLog;
  }
  interface FastifyRequest {
    /** The code of the problem that the request was answered with. */
    failedWith: ErrorCode | undefined;
  }
}
