import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';

export interface DockerProxy {
  /** What DOCKER_HOST has to be. */
  readonly host: string;
  /** Cuts all connections, and refuses new ones, as when the daemon was killed. */
  leave(): Promise<void>;
  /** Lets everything through to the daemon. */
  comeBack(): Promise<void>;
}

/**
 * A Unix socket in front of the daemon of this machine, which tests share: so it can be gone for one of them alone. It begins
 * as one that is gone.
 */
export function dockerProxy(dir: string): DockerProxy {
  const socket = path.join(dir, 'docker.sock');
  const open = new Set<Socket>();
  let server: Server | null = null;
  return {
    host: `unix://${socket}`,
    async leave() {
      const closed = server && once(server, 'close');
      server?.close();
      server = null;
      for (const one of open) one.destroy();
      await closed;
    },
    async comeBack() {
      server = createServer((client) => {
        const daemon = createConnection('/var/run/docker.sock');
        for (const one of [client, daemon]) {
          open.add(one);
          // Who is cut off at one end is cut off at the other.
          one.on('error', () => undefined).on('close', () => open.delete(one));
        }
        client.pipe(daemon).pipe(client);
        client.on('close', () => daemon.destroy());
        daemon.on('close', () => client.destroy());
      }).listen(socket);
      await once(server, 'listening');
    },
  };
}
