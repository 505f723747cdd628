import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

export interface SocketProxy {
  /** Cuts all connections, and refuses new ones, as when the server was killed. What was held is lost. */
  leave(): Promise<void>;
  /** Lets everything through to the server, also what was held. */
  comeBack(): Promise<void>;
  /** Takes connections and requests and passes nothing on, as a server that was stopped by SIGSTOP. */
  freeze(): void;
  /** Freezes with the next request that begins like this, which the server does not get. Resolves then. */
  freezeAt(request: RegExp): Promise<void>;
  /** Leaves once the server has answered the next request like this, before anybody gets the answer. Resolves then. */
  loseAnswerTo(request: RegExp): Promise<void>;
}

/** From the service to the server. */
interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  /** What has come from the service while nothing was passed on. */
  readonly held: Buffer[];
}

interface AwaitedRequest {
  readonly request: RegExp;
  readonly reached: () => void;
  readonly what: 'request' | 'answer';
}

/**
 * A Unix socket in front of that of a server, which others use too: so it can be gone or frozen for one of them alone. It
 * begins as one that is gone.
 */
export function socketProxy(socket: string, target: string): SocketProxy {
  const open = new Set<Connection>();
  let listening: Server | null = null;
  let isFrozen = false;
  let awaited: AwaitedRequest | null = null;
  /** Whose next answer is lost. */
  let asking: { readonly by: Connection; readonly reached: () => void } | null = null;

  function freeze(): void {
    isFrozen = true;
    for (const { server } of open) server.pause();
  }

  async function comeBack(): Promise<void> {
    isFrozen = false;
    for (const { server, held } of open) {
      for (const chunk of held.splice(0)) server.write(chunk);
      server.resume();
    }
    if (listening) return;
    listening = createServer(connect).listen(socket);
    await once(listening, 'listening');
  }

  async function leave(): Promise<void> {
    const closed = listening && once(listening, 'close');
    listening?.close();
    listening = null;
    for (const { client, server } of open) for (const end of [client, server]) end.destroy();
    await closed;
    isFrozen = false;
  }

  function toServer(one: Connection, chunk: Buffer): void {
    if (awaited?.request.test(chunk.toString('latin1'))) {
      const { what, reached } = awaited;
      awaited = null;
      if (what === 'answer') asking = { by: one, reached };
      else {
        freeze();
        reached();
      }
    }
    if (isFrozen) one.held.push(chunk);
    else one.server.write(chunk);
  }

  function toClient(one: Connection, chunk: Buffer): void {
    if (asking?.by !== one) return void one.client.write(chunk);
    void leave().then(asking.reached);
    asking = null;
  }

  function connect(client: Socket): void {
    const one: Connection = { client, server: createConnection(target), held: [] };
    const { server } = one;
    open.add(one);
    if (isFrozen) server.pause();
    client.on('data', (chunk: Buffer) => toServer(one, chunk)).on('end', () => server.end());
    server.on('data', (chunk: Buffer) => toClient(one, chunk)).on('end', () => client.end());
    // Who is cut off at one end is cut off at the other.
    client.on('error', () => undefined).on('close', () => server.destroy());
    server.on('error', () => undefined).on('close', () => client.destroy());
    server.on('close', () => open.delete(one));
  }

  const reach = (request: RegExp, what: AwaitedRequest['what']) =>
    new Promise<void>((reached) => {
      awaited = { request, reached, what };
    });
  return {
    leave,
    comeBack,
    freeze,
    freezeAt: (request) => reach(request, 'request'),
    loseAnswerTo: (request) => reach(request, 'answer'),
  };
}
