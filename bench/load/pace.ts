import { setTimeout as delay } from 'node:timers/promises';
import { type Dispatcher, Pool } from 'undici';

const everyMs = 1;
const connections = 100;
/** Longer than a round of the other side, so that connections live through it and no request has to connect anew. */
const keepAliveMs = 60_000;

interface Target {
  readonly pool: Pool;
  readonly path: string;
  readonly headers: Record<string, string>;
}

/** A client whose connections are kept from round to round. */
export function connect(origin: string): Pool {
  return new Pool(origin, { connections, keepAliveTimeout: keepAliveMs });
}

/**
 * The latencies in ms of creates that are sent at an even rate, whether the ones before are answered or not. The client
 * has to share the cores with the service, so it keeps one number per request and nothing else.
 */
export async function postAtRate(target: Target, perSecond: number, seconds: number): Promise<Float64Array> {
  const all = Math.floor(perSecond * seconds);
  const latencies = new Float64Array(all);
  const done = Promise.withResolvers<void>();
  let answered = 0;
  const request = { method: 'POST', path: target.path, headers: target.headers, body: '{}' } as const;
  const timed = (began: number): Dispatcher.DispatchHandler => ({
    onRequestStart() {},
    onResponseStart(_controller, status) {
      if (status !== 202) done.reject(new Error(`a create was answered by ${status}`));
    },
    onResponseData() {},
    onResponseEnd() {
      latencies[answered] = performance.now() - began;
      answered += 1;
      if (answered === all) done.resolve();
    },
    onResponseError: (_controller, error) => done.reject(error),
  });
  const began = performance.now();
  for (let sent = 0; sent < all; ) {
    const due = Math.min(all, Math.floor(((performance.now() - began) / 1000) * perSecond));
    for (; sent < due; sent += 1) target.pool.dispatch(request, timed(performance.now()));
    await delay(everyMs);
  }
  await done.promise;
  return latencies;
}
