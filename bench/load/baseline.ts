import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import Fastify from 'fastify';
import { Redis } from 'ioredis';

/**
 * What the service is compared with: Fastify without validation, keys, quotas, history or logs. POST makes a resource
 * as large as a sandbox, writes it as one Redis value, adds one BullMQ job, and answers with the resource. The arguments: the path of the Unix socket of Redis, and a sandbox as JSON.
 */
const [socket = '', sandbox = '{}'] = process.argv.slice(2);
const redis = new Redis(socket);
const resource = JSON.parse(sandbox) as object;
const queue = new Queue('baseline', { connection: redis, skipVersionCheck: true });
const app = Fastify();

app.post('/things', async (request, reply) => {
  const id = randomUUID();
  const text = JSON.stringify({ ...resource, ...(request.body as object), id });
  await redis.set(`thing:${id}`, text);
  await queue.add('make', { id });
  return reply.status(202).type('application/json').send(text);
});

process.stdout.write(`listening ${await app.listen({ host: '127.0.0.1', port: 0 })}\n`);
