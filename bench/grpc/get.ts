import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { readContract } from '../../src/grpc/contract.ts';
import { codecOf } from '../../src/grpc/messages.ts';
import { directFetch } from '../direct-fetch.ts';
import type { LoadSetUp } from '../load/processes.ts';
import { median } from '../statistics.ts';

const underWay = 64;
const channels = 2;
/** Until V8 has compiled what is hot: of HTTP/2 that is more. */
const warmUpCalls = 150_000;

export interface GetResult {
  /** Requests per second, each round. */
  readonly rest: readonly number[];
  readonly grpc: readonly number[];
  /** The median of gRPC over REST within each round. */
  readonly ratio: number;
}

/**
 * Reads of one sandbox with as many under way, by the same load generator (h2load, of nghttp2): over REST on as many
 * connections, as HTTP/1.1 needs them, over gRPC on two channels. In changing order.
 */
export async function measureGet(up: LoadSetUp, dir: string, rounds: number, calls: number): Promise<GetResult> {
  const answer = await directFetch(`${up.service}/v1/sandboxes`, {
    method: 'POST',
    headers: { ...up.headers, prefer: 'wait=30' },
    body: '{}',
  });
  const { id } = (await answer.json()) as { id: string };
  const authorization = `authorization: ${up.headers.authorization}`;
  const targets = {
    rest: ['--h1', `-c${underWay}`, '-H', authorization, `${up.service}/v1/sandboxes/${id}`],
    grpc: [
      `-c${channels}`,
      `-m${underWay / channels}`,
      `--data=${await frame(dir, id)}`,
      ...['-H', authorization, '-H', 'content-type: application/grpc', '-H', 'te: trailers'],
      `http://${up.grpc}/sandplane.v1.SandboxService/GetSandbox`,
    ],
  };
  const rates = { rest: [] as number[], grpc: [] as number[] };
  for (const target of Object.values(targets)) await load(target, warmUpCalls);
  for (let round = 0; round < rounds; round += 1) {
    const order = ['rest', 'grpc'] as const;
    for (const name of round % 2 === 0 ? order : order.toReversed()) rates[name].push(await load(targets[name], calls));
  }
  return { ...rates, ratio: median(rates.grpc.map((rate, i) => rate / (rates.rest[i] ?? Number.NaN))) };
}

/** A message as it is sent: a flag, its length, its bytes (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
async function frame(dir: string, id: string): Promise<string> {
  const rpc = readContract().rpcs.find(({ name }) => name === 'GetSandbox');
  if (!rpc) throw new Error('no GetSandbox');
  const message = codecOf(rpc.request).encode({ id });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  const file = path.join(dir, 'get-sandbox.bin');
  await writeFile(file, Buffer.concat([head, message]));
  return file;
}

/** Requests per second. Throws when one was not answered by 2xx; what gRPC answers with is looked at before. */
async function load(target: readonly string[], calls: number): Promise<number> {
  const { stdout } = await execa('h2load', [`-n${calls}`, '-t1', ...target]).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error('h2load is missing. On Debian: apt-get install nghttp2-client');
  });
  const rate = Number(/finished in .*?, ([\d.]+) req\/s/.exec(stdout)?.[1]);
  const succeeded = Number(/status codes: (\d+) 2xx/.exec(stdout)?.[1]);
  if (succeeded !== calls || Number.isNaN(rate)) throw new Error(`not all were answered:\n${stdout}`);
  return rate;
}
