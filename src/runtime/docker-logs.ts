import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { call, notAnswering, orNull } from '../docker/calls.ts';
import type { LogOptions } from './driver.ts';

/** The log of a container. Throws what the daemon answers, as 404 when there is no such container. */
export async function openLog(
  container: Docker.Container,
  { tail, follow, signal }: LogOptions,
): Promise<AsyncIterable<Buffer>> {
  const answer = await rawLog(container, { tail, follow });
  return follow ? following(answer as Readable, signal) : payloads([answer as Buffer]);
}

/** The last lines of a container's log; none when there is no such container. */
export async function lastLines(container: Docker.Container, count: number): Promise<string[]> {
  const log = await orNull(openLog(container, { tail: count, follow: false, signal: new AbortController().signal }));
  const pieces: Buffer[] = [];
  for await (const piece of log ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString().split('\n').filter(Boolean);
}

/** A stream when the log is followed, else one buffer. The cast is for options that dockerode's types do not know. */
async function rawLog(container: Docker.Container, options: { tail: number; follow: boolean }): Promise<unknown> {
  const all = { stdout: true, stderr: true, ...options };
  return await call((container as { logs(options: object): Promise<unknown> }).logs(all));
}

/**
 * The payloads of a log that is followed, until `signal`. Its connection to the daemon is closed when the reader stops,
 * and also when the signal comes before the reader has begun.
 */
function following(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  const end = () => stream.destroy();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  return (async function* () {
    try {
      yield* payloads(stream);
    } catch (error) {
      if (!signal.aborted) throw notAnswering(error);
    } finally {
      signal.removeEventListener('abort', end);
      stream.destroy();
    }
  })();
}

/**
 * What a container wrote, without the frames around it: a header of 8 bytes (stream, 0, 0, 0, length as uint32
 * big-endian), then that many bytes (Docker Engine API, "Attach to a container"). In pieces of at most 64 KiB.
 */
async function* payloads(stream: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  let buffered: Buffer = Buffer.alloc(0);
  let left = 0;
  for await (const chunk of stream) {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    for (;;) {
      if (left === 0) {
        if (buffered.length < 8) break;
        left = buffered.readUInt32BE(4);
        buffered = buffered.subarray(8);
      }
      const piece = buffered.subarray(0, Math.min(left, 64 * 1024));
      if (piece.length === 0) break;
      left -= piece.length;
      buffered = buffered.subarray(piece.length);
      yield piece;
    }
  }
}
