import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { platform, type Source, type Wanted } from './source.ts';
import { takeFromTar } from './take-from-tar.ts';

const tries = 5;
const answerTimeoutMs = 15_000;

/**
 * The released binaries, verified by their published checksums. A download that was cut off is resumed, even by a later
 * process.
 */
export function releaseSource(urls: { kubernetes: string; etcd: string }): Source {
  return {
    name: 'release',
    async fetch(wanted) {
      return wanted.name === 'etcd'
        ? await fetchEtcd(urls.etcd, wanted)
        : await fetchKubernetes(urls.kubernetes, wanted);
    },
  };
}

async function fetchKubernetes(base: string, wanted: Wanted): Promise<string> {
  const { os, arch } = platform();
  const url = `${base}/v${wanted.version}/bin/${os}/${arch}/${wanted.name}`;
  const checksum = (await fetchText(`${url}.sha256`)).trim().split(/\s+/)[0] ?? '';
  return await download(url, checksum, path.join(wanted.workDir, wanted.name), wanted);
}

async function fetchEtcd(base: string, wanted: Wanted): Promise<string> {
  const { os, arch } = platform();
  if (os !== 'linux') throw new Error(`etcd is not published as a tar.gz for ${os}`);
  const archive = `etcd-v${wanted.version}-${os}-${arch}.tar.gz`;
  const sums = await fetchText(`${base}/v${wanted.version}/SHA256SUMS`);
  const checksum = sums
    .split('\n')
    .find((line) => line.trim().endsWith(archive))
    ?.trim()
    .split(/\s+/)[0];
  if (!checksum) throw new Error(`SHA256SUMS has no line for ${archive}`);
  const file = await download(
    `${base}/v${wanted.version}/${archive}`,
    checksum,
    path.join(wanted.workDir, archive),
    wanted,
  );
  return await unpack(file, path.join(wanted.workDir, 'etcd'));
}

async function unpack(archive: string, target: string): Promise<string> {
  const isEtcd = ({ name }: { name: string }) => /^etcd-[^/]+\/etcd$/.test(name);
  const found = await takeFromTar([createReadStream(archive), createGunzip()], isEtcd, target);
  if (!found) throw new Error('the archive holds no etcd');
  await rm(archive);
  return target;
}

async function fetchText(url: string): Promise<string> {
  const response = await open(url, {});
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return await response.text();
}

/**
 * Downloads to `<target>.part`, going on where an earlier try ended, and checks the SHA-256 (hex) of the whole file.
 */
async function download(url: string, checksum: string, target: string, wanted: Wanted): Promise<string> {
  if (!/^[0-9a-f]{64}$/i.test(checksum)) throw new Error(`${url}.sha256 holds no SHA-256`);
  const part = `${target}.part`;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await continueDownload(url, part, wanted);
      break;
    } catch (error) {
      if (attempt === tries || error instanceof RefusedError) throw error;
      wanted.tell(`cut off (${(error as Error).message}), going on with try ${attempt + 1} of ${tries}`);
      await delay(200 * 2 ** attempt);
    }
  }
  const actual = await sha256(part);
  if (actual !== checksum.toLowerCase()) {
    await rm(part);
    throw new Error(`${url} has the SHA-256 ${actual}, its published checksum is ${checksum}`);
  }
  await rename(part, target);
  return target;
}

/** The server has answered with 4xx: trying again would not help. */
class RefusedError extends Error {}

async function continueDownload(url: string, part: string, { tell }: Wanted): Promise<void> {
  // No part yet: the download begins at the first byte.
  const have = (await stat(part).catch(() => null))?.size ?? 0;
  const response = await open(url, have > 0 ? { range: `bytes=${have}-` } : {});
  // Range not satisfiable: nothing is left to send. The checksum tells whether the part is whole.
  if (response.status === 416) return;
  if (response.status >= 400 && response.status < 500) throw new RefusedError(`${url} answered ${response.status}`);
  if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}`);
  const resumed = response.status === 206;
  const start = resumed ? have : 0;
  const total = start + Number(response.headers.get('content-length') ?? 0);
  const count = countBytes(start, total, tell);
  await pipeline(
    Readable.fromWeb(response.body as never),
    count,
    createWriteStream(part, { flags: resumed ? 'a' : 'w' }),
  );
}

/** Passes bytes on, and tells the progress at every 10 %. */
function countBytes(start: number, total: number, tell: Wanted['tell']) {
  let done = start;
  let told = -1;
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
  return async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      done += chunk.length;
      const tenths = total > 0 ? Math.floor((done / total) * 10) : 0;
      if (tenths !== told)
        tell(`downloading, ${megabytes(done)} of ${megabytes(total)} MB`, total > 0 ? done / total : undefined);
      told = tenths;
      yield chunk;
    }
  };
}

/** Sends the request and waits a limited time for the answer to begin. The body may take any time. */
async function open(url: string, headers: Record<string, string>): Promise<Response> {
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new Error(`no answer within ${answerTimeoutMs / 1000} s`)),
    answerTimeoutMs,
  );
  try {
    return await fetch(url, { headers, signal: timeout.signal });
  } catch (error) {
    const reason = timeout.signal.aborted ? timeout.signal.reason : ((error as Error).cause ?? error);
    throw new Error(`${url}: ${(reason as Error).message}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
