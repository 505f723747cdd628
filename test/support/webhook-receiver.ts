import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { listenLocally } from './listen-locally.ts';

export interface Received {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
export type Respond = (response: ServerResponse, request: IncomingMessage, count: number) => void;
export const take: Respond = (response) => void response.writeHead(204).end();

/** A receiver of webhooks that runs until the test ends and answers by `respond`. */
export async function startWebhookReceiver(t: { teardown(end: () => void): void }, respond: Respond = take) {
  const received: Received[] = [];
  const state = { respond };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    received.push({ url: request.url, headers: request.headers, body });
    state.respond(response, request, received.length);
  });
  const port = await listenLocally(t, server);
  return {
    /** Closes the connections on which an answer is awaited. */
    letGo: () => server.closeAllConnections(),
    url: `http://127.0.0.1:${port}/hook`,
    received,
    state,
  };
}

export const typesOf = (received: readonly Received[]) =>
  received.map(({ body }) => (JSON.parse(body) as { type: string }).type);
