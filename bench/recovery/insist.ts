import { setTimeout as delay } from 'node:timers/promises';

const pauseMs = 100;
const limitMs = 180_000;
/** Not now: a store that is away or full (503), the first request with this Idempotency-Key (409), a wait that was too short (408). */
const again = [408, 409, 503];

export interface Client {
  send(method: string, target: string, headers?: Record<string, string>, body?: object): Promise<Response>;
}

/**
 * Asks again and again, as clients do that know of outages, until there is an answer that another try would not change: also
 * while nobody listens. Throws after three minutes.
 */
export async function insist(
  client: Client,
  method: string,
  target: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const deadline = performance.now() + limitMs;
  let last: unknown;
  while (performance.now() < deadline) {
    const answer = await client.send(method, target, headers, method === 'POST' ? {} : undefined).catch((error) => {
      last = error;
      return null;
    });
    if (answer && !again.includes(answer.status)) return answer;
    if (answer) last = `${answer.status} ${await answer.text()}`;
    await delay(pauseMs);
  }
  throw new Error(`${method} ${target}: not within ${limitMs / 1000} s, last ${String(last)}`);
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
