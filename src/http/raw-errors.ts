import type { Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { type ErrorCode, errorTable } from '../errors.ts';
import type { RefusalLog } from '../operations/refusal-log.ts';
import { newRequestId } from '../operations/request-id.ts';
import type { Problem } from '../schemas/problem.ts';

const codes: Readonly<Record<string, [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers must have at most 16384 bytes together.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The whole request must be there within 30 s.'],
};

/** Answers, and logs, what never becomes a request: malformed HTTP, too many headers, one that comes too slowly. */
export function answerRawErrors(logger: FastifyBaseLogger, logRefusal: RefusalLog) {
  return (error: NodeJS.ErrnoException, socket: Socket) => {
    const refused = answer(error, socket);
    if (!refused) return;
    const address = socket.remoteAddress ?? '';
    const write = () => logger.info({ ...refused, cause: error.code, address }, 'not a request');
    logRefusal({ address, kind: refused.code }, write);
  };
}

/** Returns how it was answered; null when there was nobody to answer. */
function answer(error: NodeJS.ErrnoException, socket: Socket): { reqId: string; code: ErrorCode } | null {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return null;
  }
  const [code, detail] = codes[error.code ?? ''] ?? ['malformed_request', 'This could not be read as HTTP/1.1.'];
  const { http, title } = errorTable[code];
  const requestId = newRequestId();
  const problem: Problem = { type: 'about:blank', title, status: http, detail, code, requestId };
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${http} ${title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  return { reqId: requestId, code };
}
