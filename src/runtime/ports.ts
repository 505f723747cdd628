import { createServer } from 'node:net';

/** Whether a listener can be opened at this address now, so that no start is spent on a port that another program has. */
export async function isPortFree(port: number, address: string): Promise<boolean> {
  const server = createServer();
  return await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
