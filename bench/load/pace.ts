import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { LoadSetUp } from './processes.ts';

const everyMs = 5;

/** Latencies in ms of creates that come at an even rate, whether the ones before are answered or not. */
export async function createAtRate({ service, headers }: LoadSetUp, perSecond: number, seconds: number) {
  const pool = new Pool(service, { connections: 100 });
  const latencies: number[] = [];
  const underWay: Promise<void>[] = [];
  const create = async () => {
    const began = performance.now();
    const answer = await pool.request({ method: 'POST', path: '/v1/sandboxes', headers, body: '{}' });
    await answer.body.dump();
    if (answer.statusCode !== 202) throw new Error(`a create was answered by ${answer.statusCode}`);
    latencies.push(performance.now() - began);
  };
  const began = performance.now();
  for (let sent = 0; sent < perSecond * seconds; ) {
    const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
    for (; sent < due; sent += 1) underWay.push(create());
    await delay(everyMs);
  }
  await Promise.all(underWay);
  await pool.close();
  return latencies.sort((a, b) => a - b);
}
