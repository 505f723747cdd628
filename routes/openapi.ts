import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import type { App } from '../src/http/app-instance.ts';
import { openApiDocuments } from '../src/http/openapi/documents.ts';

interface Form {
  readonly body: Buffer;
  readonly etag: string;
}

/**
 * The OpenAPI document in its two versions, made at the first request. A client that has it already sends
 * `If-None-Match`.
 */
export function openapiRoutes(app: App): void {
  const served = (version: 'v31' | 'v30') => {
    let forms: { plain: Form; gzip: Form } | undefined;
    return (request: FastifyRequest, reply: FastifyReply) => {
      forms ??= formsOf(Buffer.from(JSON.stringify(openApiDocuments(app)[version])));
      return sendForm(request, reply, forms);
    };
  };
  const config = { public: true };
  app.get('/openapi.json', { config, schema: { hide: true } }, served('v31'));
  app.get('/openapi-3.0.json', { config, schema: { hide: true } }, served('v30'));
}

function formsOf(plain: Buffer) {
  return { plain: formOf(plain), gzip: formOf(gzipSync(plain, { level: 9 })) };
}

/** Strong, so each form has one of its own (RFC 9110, 8.8.3.3). */
function formOf(body: Buffer): Form {
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` };
}

function sendForm({ headers }: FastifyRequest, reply: FastifyReply, forms: { plain: Form; gzip: Form }): FastifyReply {
  const isGzip = new Negotiator({ headers }).encoding(['gzip', 'identity']) === 'gzip';
  const { body, etag } = isGzip ? forms.gzip : forms.plain;
  reply.header('etag', etag).header('cache-control', 'no-cache').header('vary', 'accept-encoding');
  if (isKnown(etag, headers['if-none-match'])) return reply.status(304).send();
  if (isGzip) reply.header('content-encoding', 'gzip');
  return reply.type('application/json; charset=utf-8').send(body);
}

/** RFC 9110, 13.1.2: compared weakly, as a proxy in between may have made it weak. */
function isKnown(etag: string, ifNoneMatch = ''): boolean {
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
