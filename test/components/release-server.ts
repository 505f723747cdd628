import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { platform } from '../../src/components/source.ts';

export interface ReleaseServer {
  readonly url: string;
  /** Each request, as `path` or `path range`. */
  readonly requests: string[];
  /** The next so many answers with a body end after half of it, once `arrived` resolves for the bytes sent of the file. */
  cutNext(times: number, arrived: (bytes: number) => Promise<void>): void;
  /** Publishes another checksum than that of the file. */
  forge(file: string): void;
  close(): void;
}

/** A server of releases as the real hosts lay them out: binaries with checksums, etcd in an archive, ranges. */
export async function startReleaseServer(versions: Record<string, string>): Promise<ReleaseServer> {
  const files = await releaseFiles(versions);
  const requests: string[] = [];
  const forged = new Set<string>();
  let cuts = 0;
  let arrivedBeforeCut: (bytes: number) => Promise<void> = async () => {};
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
    requests.push(range ? `${path} ${range}` : path);
    const content = files.get(path);
    if (!content) return response.writeHead(404).end();
    const start = Number(range ?? 0);
    if (start >= content.length) return response.writeHead(416).end();
    const wrong = forged.has(path) ? Buffer.from(content.toString().replace(/[0-9a-f]{64}/, 'f'.repeat(64))) : content;
    const body = wrong.subarray(start);
    response.writeHead(range ? 206 : 200, { 'content-length': body.length });
    if (cuts > 0 && body.length > 1000) {
      cuts -= 1;
      const half = body.subarray(0, body.length / 2);
      response.write(half);
      void arrivedBeforeCut(start + half.length).finally(() => response.destroy());
      return;
    }
    return response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    cutNext(times, arrived) {
      cuts = times;
      arrivedBeforeCut = arrived;
    },
    forge: (file) => void forged.add(file),
    close: () => void server.close(),
  };
}

/** A program that says its version, and is long enough to be cut. */
export function program(version: string): Buffer {
  return Buffer.from(`#!/bin/sh\necho 'version v${version}'\n${'# filling\n'.repeat(20_000)}`);
}

async function releaseFiles(versions: Record<string, string>): Promise<Map<string, Buffer>> {
  const { os, arch } = platform();
  const sum = (content: Buffer) => createHash('sha256').update(content).digest('hex');
  const files = new Map<string, Buffer>();
  for (const [name, version] of Object.entries(versions)) {
    const content = program(version);
    if (name === 'etcd') {
      const archive = `etcd-v${version}-${os}-${arch}.tar.gz`;
      const packed = await archiveOf(archive.replace('.tar.gz', ''), content);
      files.set(`/v${version}/${archive}`, packed);
      files.set(`/v${version}/SHA256SUMS`, Buffer.from(`${sum(packed)}  ${archive}\n`));
    } else {
      const path = `/v${version}/bin/${os}/${arch}/${name}`;
      files.set(path, content);
      files.set(`${path}.sha256`, Buffer.from(sum(content)));
    }
  }
  return files;
}

async function archiveOf(folder: string, content: Buffer): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: `${folder}/README.md` }, 'not this');
  archive.entry({ name: `${folder}/etcd`, mode: 0o755 }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks), { level: 0 });
}
