import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { type ErrorCode, errorTable } from '../errors.ts';
import type { Problem } from '../schemas/problem.ts';

const codes: Readonly<Record<string, [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers must have at most 16384 bytes together.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The whole request must be there within 30 s.'],
};

/** Answers what never becomes a request: malformed HTTP, too many headers, one that comes too slowly. */
export function answerRawError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [code, detail] = codes[error.code ?? ''] ?? ['malformed_request', 'This could not be read as HTTP/1.1.'];
  const { http, title } = errorTable[code];
  const problem: Problem = { type: 'about:blank', title, status: http, detail, code, requestId: `req-${randomUUID()}` };
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${http} ${title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
