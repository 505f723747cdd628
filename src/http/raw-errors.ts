import type { Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { type ErrorCode, errorTable } from '../errors.ts';
import { newRequestId } from '../operations/request-id.ts';
import type { Problem } from '../schemas/problem.ts';

const codes: Readonly<Record<string, [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers must have at most 16384 bytes together.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The whole request must be there within 30 s.'],
};

/** Answers, and logs, what never becomes a request: malformed HTTP, too many headers, one that comes too slowly. */
export function answerRawErrors(logger: FastifyBaseLogger) {
  return (error: NodeJS.ErrnoException, socket: Socket) => answer(error, socket, logger);
}

function answer(error: NodeJS.ErrnoException, socket: Socket, logger: FastifyBaseLogger): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [code, detail] = codes[error.code ?? ''] ?? ['malformed_request', 'This could not be read as HTTP/1.1.'];
  const { http, title } = errorTable[code];
  const requestId = newRequestId();
  logger.info({ reqId: requestId, code, cause: error.code, address: socket.remoteAddress }, 'not a request');
  const problem: Problem = { type: 'about:blank', title, status: http, detail, code, requestId };
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${http} ${title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
