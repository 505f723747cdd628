import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { createParser } from 'eventsource-parser';
import { readContract } from '../../src/grpc/contract.ts';
import { codecOf } from '../../src/grpc/messages.ts';
import { directFetch } from '../direct-fetch.ts';
import type { LoadSetUp } from '../load/processes.ts';

const firstName = 'before-the-first-change';

/** Milliseconds from before a change is sent until a watch tells it. */
export interface WatchResult {
  readonly sse: readonly number[];
  readonly grpc: readonly number[];
}

/** Two watches of one project, open at the same time; one change after the other. */
export async function measureWatch(up: LoadSetUp, changes: number): Promise<WatchResult> {
  const body = JSON.stringify({ name: firstName });
  const answer = await directFetch(`${up.service}/v1/sandboxes`, { method: 'POST', headers: up.headers, body });
  const { id } = (await answer.json()) as { id: string };
  const times = { sse: [] as number[], grpc: [] as number[] };
  const seen = { sse: Promise.withResolvers<void>(), grpc: Promise.withResolvers<void>() };
  // Both tell what is there once they are open.
  const wanted = { name: firstName, sentAt: performance.now() };
  const tell = (by: 'sse' | 'grpc', name: unknown) => {
    if (name !== wanted.name) return;
    times[by].push(performance.now() - wanted.sentAt);
    seen[by].resolve();
  };
  const stops = [watchBySse(up, (name) => tell('sse', name)), watchByGrpc(up, (name) => tell('grpc', name))];
  await Promise.all([seen.sse.promise, seen.grpc.promise]);
  Object.assign(times, { sse: [], grpc: [] });
  for (let i = 0; i < changes; i += 1) {
    seen.sse = Promise.withResolvers<void>();
    seen.grpc = Promise.withResolvers<void>();
    Object.assign(wanted, { name: `change-${i}`, sentAt: performance.now() });
    const body = JSON.stringify({ name: wanted.name });
    await directFetch(`${up.service}/v1/sandboxes/${id}`, { method: 'PATCH', headers: up.headers, body });
    await Promise.all([seen.sse.promise, seen.grpc.promise]);
  }
  for (const stop of stops) stop();
  return times;
}

interface Told {
  readonly sandbox?: { readonly name: string } | null;
}

function watchBySse({ service, headers }: LoadSetUp, onName: (name: unknown) => void): () => void {
  const stop = new AbortController();
  const parser = createParser({ onEvent: ({ data }) => onName((JSON.parse(data) as Told).sandbox?.name) });
  const read = async () => {
    const { body } = await directFetch(`${service}/v1/sandboxes/watch`, { headers, signal: stop.signal });
    for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) parser.feed(chunk);
  };
  // It ends by the abort, or by a service that stops: the figures then show that events are missing.
  read().catch(() => undefined);
  return () => stop.abort();
}

function watchByGrpc({ grpc, headers }: LoadSetUp, onName: (name: unknown) => void): () => void {
  const rpc = readContract().rpcs.find(({ name }) => name === 'WatchSandboxes');
  if (!rpc) throw new Error('no WatchSandboxes');
  const [request, response] = [codecOf(rpc.request), codecOf(rpc.response)];
  const metadata = new Metadata();
  metadata.set('authorization', headers.authorization ?? '');
  const client = new Client(grpc, credentials.createInsecure());
  const call = client.makeServerStreamRequest(
    rpc.path,
    (value: object) => request.encode(value as Record<string, unknown>),
    (bytes) => response.decode(bytes) as Told,
    {},
    metadata,
  );
  call.on('data', ({ sandbox }: Told) => onName(sandbox?.name));
  call.on('error', () => undefined);
  return () => client.close();
}
