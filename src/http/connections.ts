import type { Server } from 'node:http';
import type { Socket } from 'node:net';

const lookEveryMs = 100;

/**
 * Returns what to call when a server closes, so that it need not wait for connections that nothing more is answered on:
 * those that are kept for another request, also when they become so only now, and those that never sent one, which Node
 * gives a minute.
 */
export function trackConnections(server: Server): () => void {
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }) => silent.delete(socket));
  return () => {
    for (const socket of silent) socket.destroy();
    const idle = setInterval(() => server.closeIdleConnections(), lookEveryMs);
    server.once('close', () => clearInterval(idle));
  };
}
