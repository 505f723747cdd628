import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Answer, Once } from '../src/tenancy/idempotency.ts';

const jsonType = 'application/json; charset=utf-8';

/** Does the work of a POST once for each Idempotency-Key, and sends the answer. `work` gets a seed to make ids from. */
export async function answerOnce(
  request: FastifyRequest,
  reply: FastifyReply,
  once: Once,
  work: (seed: string) => Promise<Answer>,
): Promise<FastifyReply> {
  const key = request.headers['idempotency-key'] as string | undefined;
  const identity = { project: request.proven.project, key, request: [request.method, request.url, request.body] };
  const { status, headers, body } = await once(identity, work);
  return reply.status(status).headers(headers).type(jsonType).serializer(asItIs).send(body);
}

/** For what is JSON already. */
export function asItIs(text: string): string {
  return text;
}
