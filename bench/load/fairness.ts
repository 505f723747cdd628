import { directFetch } from '../direct-fetch.ts';
import { median } from '../statistics.ts';
import { headersOf, type LoadSetUp } from './processes.ts';

const flood = 1000;

export interface FairnessResult {
  /** The time until a sandbox is ready, in ms, each round. */
  readonly alone: readonly number[];
  readonly inFlood: readonly number[];
  readonly ratio: number;
}

/** One create of a project: alone, and while another project has a thousand creates that wait. */
export async function measureFairness(up: LoadSetUp, rounds: number): Promise<FairnessResult> {
  const quiet = await headersOf(up.service, await makeProject(up, 'quiet'));
  const flooding = await headersOf(up.service, await makeProject(up, 'flooding'));
  const create = async (headers: Record<string, string>, prefer: string) => {
    const answer = await directFetch(`${up.service}/v1/sandboxes`, {
      method: 'POST',
      headers: { ...headers, prefer },
      body: '{}',
    });
    await answer.text();
    return answer.status;
  };
  const timed = async () => {
    const began = performance.now();
    if ((await create(quiet, 'wait=60')) !== 201) throw new Error('the single sandbox did not become ready');
    return performance.now() - began;
  };
  await timed();
  const alone: number[] = [];
  for (let round = 0; round < rounds; round += 1) alone.push(await timed());
  const flooded = Promise.all(Array.from({ length: flood }, () => create(flooding, 'wait=0')));
  // The first is measured while the flood comes in, the others while it waits.
  const inFlood: number[] = [await timed()];
  if ((await flooded).some((status) => status !== 202)) throw new Error('the flood was not accepted');
  for (let round = 1; round < rounds; round += 1) inFlood.push(await timed());
  return { alone, inFlood, ratio: median(inFlood) / median(alone) };
}

async function makeProject({ service, admin }: LoadSetUp, name: string): Promise<string> {
  await directFetch(`${service}/v1/projects`, { method: 'POST', headers: admin, body: JSON.stringify({ name }) });
  return name;
}
