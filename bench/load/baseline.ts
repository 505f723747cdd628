import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import Fastify from 'fastify';
import { Redis } from 'ioredis';

/**
 * What the service is compared with: Fastify without validation, keys, quotas, history or logs. Creating writes one Redis
 * value and adds one BullMQ job; reading reads one value. The argument: the path of Redis' Unix socket.
 */
const redis = new Redis(process.argv[2] ?? '');
const queue = new Queue('baseline', { connection: redis, skipVersionCheck: true });
const app = Fastify();

app.post('/things', async (request, reply) => {
  const id = randomUUID();
  await redis.set(`thing:${id}`, JSON.stringify({ id, ...(request.body as object) }));
  await queue.add('make', { id });
  return reply.status(202).send({ id });
});

app.put('/things/:id', async (request) => {
  const { id } = request.params as { id: string };
  await redis.set(`thing:${id}`, JSON.stringify(request.body));
  return { id };
});

app.get('/things/:id', async (request, reply) => {
  const { id } = request.params as { id: string };
  return reply.type('application/json').send(await redis.get(`thing:${id}`));
});

process.stdout.write(`listening ${await app.listen({ host: '127.0.0.1', port: 0 })}\n`);
