import type { Socket } from 'node:net';

/** Calls name their connection by the `getPeer` of the library: the client's address and port. */
export interface Strangers {
  watch(socket: Socket): void;
  callBegins(peer: string): void;
  callEnds(peer: string): void;
  /** From a valid call on, a connection is no stranger's. */
  callIsValid(peer: string): void;
}

interface Connection {
  readonly idle: NodeJS.Timeout;
  calls: number;
}

/**
 * Closes connections on which there has been no valid call, when they are idle for as long. Others are left to the
 * library, which lets them be idle for longer.
 */
export function createStrangers(idleMs: number): Strangers {
  const connections = new Map<string, Connection>();

  return {
    watch(socket) {
      const peer = `${socket.remoteAddress}:${socket.remotePort}`;
      const connection: Connection = {
        calls: 0,
        idle: setTimeout(() => {
          if (connection.calls === 0) socket.destroy();
        }, idleMs).unref(),
      };
      connections.set(peer, connection);
      socket.once('close', () => {
        clearTimeout(connection.idle);
        if (connections.get(peer) === connection) connections.delete(peer);
      });
    },
    callBegins(peer) {
      const connection = connections.get(peer);
      if (connection) connection.calls += 1;
    },
    callEnds(peer) {
      const connection = connections.get(peer);
      if (!connection) return;
      connection.calls -= 1;
      connection.idle.refresh();
    },
    callIsValid(peer) {
      clearTimeout(connections.get(peer)?.idle);
      connections.delete(peer);
    },
  };
}
