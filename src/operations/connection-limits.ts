import type { Server, Socket } from 'node:net';
import proxyaddr from '@fastify/proxy-addr';
import { networkOf } from './client-network.ts';

export interface ConnectionLimits {
  /** Of all clients together. One more is closed at once. */
  readonly most: number;
  /** CIDRs. Many clients come from the address of a proxy: it is bounded by `most` alone. */
  readonly trustedProxies: readonly string[];
}

/**
 * Bounds the connections of a server: in all, and for each client to half of that, so that no single one can keep all
 * others out.
 */
export function limitConnections(server: Server, { most, trustedProxies }: ConnectionLimits): void {
  const mostOfOne = Math.ceil(most / 2);
  const isTrusted = proxyaddr.compile([...trustedProxies]);
  const open = new Map<string, number>();
  server.maxConnections = most;
  server.on('connection', (socket: Socket) => {
    const { remoteAddress: address } = socket;
    // It has closed already.
    if (address === undefined) return;
    const client = networkOf(address);
    const count = (open.get(client) ?? 0) + 1;
    open.set(client, count);
    socket.once('close', () => {
      const left = (open.get(client) ?? 1) - 1;
      if (left === 0) open.delete(client);
      else open.set(client, left);
    });
    if (count > mostOfOne && !isTrusted(address, 0)) socket.destroy();
  });
}
