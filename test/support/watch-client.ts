import http from 'node:http';
import { createParser } from 'eventsource-parser';
import type { Sandbox } from '../../src/schemas/sandbox.ts';

export interface Seen {
  type: string;
  id: string | null;
  sandbox: Sandbox | null;
}

/**
 * Reads a watch as server-sent events until `stop`; `lastId` is sent as Last-Event-ID. As a browser does, it tries
 * again when it gets no connection, and after a 503 as Retry-After says.
 */
export function watchAt(url: string, client: { authorization: Record<string, string> }, path: string, lastId?: string) {
  const seen: Seen[] = [];
  const opened = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const state = { lastId, status: 0, done: done.promise, failures: [] as string[] };
  const parser = createParser({
    onEvent: ({ id, data }) => {
      seen.push(JSON.parse(data) as Seen);
      if (id) state.lastId = id;
    },
  });
  let stop = () => {};
  const connect = () => {
    const headers = { ...client.authorization, ...(lastId ? { 'last-event-id': lastId } : {}) };
    const request = http.get(`${url}${path}`, { agent: false, headers });
    stop = () => void request.destroy();
    request.once('response', (response) => {
      if (response.statusCode === 503) {
        response.resume();
        setTimeout(connect, 1000 * Number(response.headers['retry-after'] ?? 1));
        return;
      }
      state.status = response.statusCode ?? 0;
      response.setEncoding('utf8').on('data', (chunk: string) => parser.feed(chunk));
      response.once('close', () => done.resolve());
      // A cut connection is seen by its close.
      response.on('error', () => undefined);
      opened.resolve();
    });
    request.on('error', (error) => {
      state.failures.push(error.message);
      if (state.status === 0) setTimeout(connect, 100);
    });
  };
  connect();
  return { seen, state, opened: opened.promise, stop: () => stop() };
}
