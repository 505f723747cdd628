import autocannon, { type Options, type Result } from 'autocannon';
import { median } from '../statistics.ts';
import type { LoadSetUp } from './processes.ts';

const connections = 100;
/** Until V8 has compiled the code that runs most. */
const warmUpSeconds = 6;

export interface RateResult {
  readonly what: string;
  /** Requests per second, each round. */
  readonly service: readonly number[];
  readonly baseline: readonly number[];
  /** The median of the ratios within each round. */
  readonly ratio: number;
}

/**
 * Requests per second of the service and of the baseline, measured one right after the other, as the speed of a shared
 * machine drifts. The order changes from round to round, so that each is as often the one that comes second.
 */
async function compare(
  what: string,
  rounds: number,
  seconds: number,
  service: Partial<Options> & { url: string },
  baseline: Partial<Options> & { url: string },
): Promise<RateResult> {
  const both = { service, baseline };
  const rates = { service: [] as number[], baseline: [] as number[] };
  for (const options of Object.values(both)) await load({ connections, duration: warmUpSeconds, ...options });
  for (let round = 0; round < rounds; round += 1) {
    const order = ['service', 'baseline'] as const;
    for (const name of round % 2 === 0 ? order : order.toReversed()) {
      const result = await load({ connections, duration: seconds, ...both[name] });
      rates[name].push(result.requests.average);
    }
  }
  return { what, ...rates, ratio: median(rates.service.map((rate, i) => rate / (rates.baseline[i] ?? Number.NaN))) };
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

/** Service and baseline each read one resource, which was created before. */
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
