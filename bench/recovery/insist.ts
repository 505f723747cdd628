import type { Send } from '../service.ts';
import { untilFound } from './until-found.ts';

const pauseMs = 100;
/** Not now: a store that is away or full (503), the first request with this Idempotency-Key (409), a wait that was too short (408). */
const again = [408, 409, 503];

export interface Client {
  readonly send: Send;
  /** Aborts when nothing is to be asked any more. */
  readonly signal: AbortSignal;
}

/**
 * Asks again and again, as clients do that know of outages, until there is an answer that another try would not change: also
 * while nobody listens. Throws after three minutes, and once the client's signal aborts.
 */
export async function insist(
  client: Client,
  method: string,
  target: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  let last: unknown;
  const ask = async (signal: AbortSignal) => {
    try {
      const answer = await client.send(method, target, headers, method === 'POST' ? {} : undefined, signal);
      if (!again.includes(answer.status)) return answer;
      last = `${answer.status} ${await answer.text()}`;
    } catch (error) {
      last = error;
    }
    return null;
  };
  const describe = () => `${method} ${target}, last ${String(last)}`;
  return await untilFound(ask, { signal: client.signal, everyMs: pauseMs, describe });
}

/** Accepted once, however often it has to be sent. Returns the id. */
export async function insistOnCreate(client: Client): Promise<string> {
  const answer = await insist(client, 'POST', '/v1/sandboxes', { 'idempotency-key': crypto.randomUUID() });
  if (!answer.ok) throw new Error(`a create was answered by ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { id: string }).id;
}

export async function untilReady(client: Client, id: string): Promise<void> {
  const answer = await insist(client, 'GET', `/v1/sandboxes/${id}/wait?for=ready&timeout=60`);
  if (answer.status !== 200) throw new Error(`${id} did not become ready: ${answer.status} ${await answer.text()}`);
}

/** Resolves once it is gone. */
export async function insistOnDelete(client: Client, id: string): Promise<void> {
  const asked = await insist(client, 'DELETE', `/v1/sandboxes/${id}`);
  // 404: a try that was not answered has done it.
  if (!asked.ok && asked.status !== 404) throw new Error(`the deletion of ${id} was answered by ${asked.status}`);
  const gone = await insist(client, 'GET', `/v1/sandboxes/${id}/wait?for=deleted&timeout=60`);
  if (gone.status !== 200 && gone.status !== 404) throw new Error(`${id} was not deleted: ${gone.status}`);
}
