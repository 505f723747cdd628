import autocannon, { type Options, type Result } from 'autocannon';
import { median } from '../statistics.ts';
import type { LoadSetUp } from './processes.ts';

const connections = 100;

export interface RateResult {
  readonly what: string;
  /** Requests per second, each round. */
  readonly service: readonly number[];
  readonly baseline: readonly number[];
  readonly ratio: number;
}

/** Requests per second of the service and of the baseline, in turn, and the ratio of the medians. */
async function compare(
  what: string,
  rounds: number,
  seconds: number,
  service: Partial<Options> & { url: string },
  baseline: Partial<Options> & { url: string },
): Promise<RateResult> {
  const rates = { service: [] as number[], baseline: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, options] of [
      ['service', service],
      ['baseline', baseline],
    ] as const) {
      const result = await load({ connections, duration: seconds, ...options });
      // The first round warms up.
      if (round > 0) rates[name].push(result.requests.average);
    }
  }
  return { what, ...rates, ratio: median(rates.service) / median(rates.baseline) };
}

async function load(options: Options): Promise<Result> {
  const result = await autocannon(options);
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${options.url}: ${result.non2xx} answers were not 2xx, ${result.errors} errors`);
  }
  return result;
}

export async function measureCreate({ service, baseline, headers }: LoadSetUp, rounds: number, seconds: number) {
  const post = { method: 'POST', headers, body: '{}' } as const;
  return await compare(
    'POST /v1/sandboxes',
    rounds,
    seconds,
    { url: `${service}/v1/sandboxes`, ...post },
    { url: `${baseline}/things`, ...post },
  );
}

/** Both read one that was created before. */
export async function measureGet({ service, baseline, headers }: LoadSetUp, rounds: number, seconds: number) {
  const targetOf = async (url: string, more: Record<string, string> = {}) => {
    const answer = await fetch(url, { method: 'POST', headers: { ...headers, ...more }, body: '{}' });
    return `${url}/${((await answer.json()) as { id: string }).id}`;
  };
  return await compare(
    'GET /v1/sandboxes/{id}',
    rounds,
    seconds,
    { url: await targetOf(`${service}/v1/sandboxes`, { prefer: 'wait=30' }), headers },
    { url: await targetOf(`${baseline}/things`), headers },
  );
}
