import { createServer, type Server } from 'node:net';
import type { SmallDisk } from '../support/small-disk.ts';
import type { Lasting } from './lasting.ts';
import type { Strike } from './machine.ts';
import type { Random } from './random.ts';

/** Nothing, too little for an etcd, and less than what is kept free for sandboxes. */
const leftMiB = [0, 0, 40, 200];
/** Shares of the range that are taken; the first two are rarely met. */
const portShares = [0, 0.02, 0.5, 1];

/** Other programs fill the disk of the data folder. */
export function fillDisk(disk: SmallDisk, lasting: Lasting): Strike {
  return async function fill(random: Random) {
    const seconds = random.between(15, 40);
    const left = random.pick(leftMiB) ?? 0;
    if (lasting.isUnderWay('fill-disk')) return null;
    lasting.undoAfter('fill-disk', seconds, disk.makeRoom);
    await disk.fill(left);
    return { what: `left ${left} MiB of the disk for ${seconds} s` };
  };
}

/** Another program listens on free ports of the range of sandboxes. */
export function takePorts([first, last]: readonly [number, number], lasting: Lasting): Strike {
  return async function take(random: Random) {
    const seconds = random.between(5, 20);
    const count = Math.max(1, Math.floor((last - first + 1) * (random.pick(portShares) ?? 0)));
    const beginAt = random.between(first, last - count + 1);
    const ports = Array.from({ length: count }, (_, i) => beginAt + i);
    const servers = (await Promise.all(ports.map(listen))).filter((server) => server !== null);
    lasting.undoAfter('take-port', seconds, async () => {
      await Promise.all(servers.map(async (server) => await server[Symbol.asyncDispose]()));
    });
    const taken = servers.map((server) => (server.address() as { port: number }).port);
    return taken.length > 0 ? { takenPorts: taken, what: `took ${taken.length} ports for ${seconds} s` } : null;
  };
}

/** Null where somebody listens already. */
async function listen(port: number): Promise<Server | null> {
  // Who connects is cut off.
  const server = createServer((socket) => socket.destroy());
  return await new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}
