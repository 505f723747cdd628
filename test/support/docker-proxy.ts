import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';

export interface DockerProxy {
  /** What DOCKER_HOST has to be. */
  readonly host: string;
  /** Cuts all connections, and refuses new ones, as when the daemon was killed. */
  leave(): Promise<void>;
  /** Takes connections and answers nothing, as when the daemon was stopped; needs one that is there. */
  freeze(): void;
  /** Lets everything through to the daemon, also what was held back. */
  comeBack(): Promise<void>;
}

/** Where the daemon of a machine listens. */
export const dockerSocket = '/var/run/docker.sock';

/**
 * A Unix socket in front of the daemon of this machine, which tests share: so it can be gone for one of them alone. It begins
 * as one that is gone.
 */
export function dockerProxy(dir: string): DockerProxy {
  const socket = path.join(dir, 'docker.sock');
  const open = new Set<readonly [client: Socket, daemon: Socket]>();
  let server: Server | null = null;
  let isFrozen = false;

  function connect(client: Socket): void {
    const daemon = createConnection(dockerSocket);
    const pair = [client, daemon] as const;
    open.add(pair);
    for (const one of pair) {
      // Who is cut off at one end is cut off at the other.
      one
        .on('error', () => undefined)
        .on('close', () => {
          open.delete(pair);
          for (const other of pair) other.destroy();
        });
    }
    if (!isFrozen) client.pipe(daemon).pipe(client);
  }

  return {
    host: `unix://${socket}`,
    async leave() {
      const closed = server && once(server, 'close');
      server?.close();
      server = null;
      isFrozen = false;
      for (const pair of open) for (const one of pair) one.destroy();
      await closed;
    },
    freeze() {
      isFrozen = true;
      // One that no other takes from is not read.
      for (const pair of open) for (const one of pair) one.unpipe();
    },
    async comeBack() {
      if (isFrozen) for (const [client, daemon] of open) client.pipe(daemon).pipe(client);
      isFrozen = false;
      if (server) return;
      server = createServer(connect).listen(socket);
      await once(server, 'listening');
    },
  };
}
