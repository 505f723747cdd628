import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import fp from 'fastify-plugin';
import { serviceStopping } from '../errors.ts';

const checkEveryMs = 100;
/** What has not ended by then is cut: Node gives requests no more deadlines once its server closes. */
const graceMs = 10_000;

/** Decorates the application with `closing`, and refuses requests that come while the service closes. */
export const closing = fp(
  async (app) => {
    const controller = new AbortController();
    app.decorate('closing', controller.signal);
    app.addHook('onRequest', async (_request, reply) => {
      if (!controller.signal.aborted) return;
      reply.header('connection', 'close');
      throw controller.signal.reason;
    });
    const closeIdle = trackConnections(app.server);
    app.addHook('preClose', async () => {
      closeIdle();
      controller.abort(serviceStopping());
    });
  },
  { name: 'closing' },
);

/**
 * Returns a function to call when the server closes, so that it does not wait for connections without a request: those kept
 * alive for another one, those that become idle later, those that have never sent one, and those whose client stalls.
 */
function trackConnections(server: Server): () => void {
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }) => silent.delete(socket));
  return () => {
    for (const socket of silent) socket.destroy();
    const idle = setInterval(() => server.closeIdleConnections(), checkEveryMs);
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.once('close', () => {
      clearInterval(idle);
      clearTimeout(cut);
    });
  };
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborts when the service stops: long polls and streams end with it. */
    readonly closing: AbortSignal;
  }
}
