import { createServer } from 'node:net';

/** Whether a listener can be opened at this address now: a stranger's port is skipped before a start is spent on it. */
export async function isPortFree(port: number, address: string): Promise<boolean> {
  const server = createServer();
  return await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
