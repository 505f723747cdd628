import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { DeadlineError, withDeadline } from '../deadline.ts';
import { AppError } from '../errors.ts';

const callTimeoutMs = 60_000;

/** A call of the Docker Engine API with an end, and with a daemon that is gone told apart. */
export async function call<Result>(promise: Promise<Result>, timeoutMs = callTimeoutMs): Promise<Result> {
  try {
    return await withDeadline(promise, timeoutMs, 'Docker');
  } catch (error) {
    throw isUnreachable(error)
      ? new AppError('runtime_unavailable', `Docker does not answer: ${(error as Error).message}`, { cause: error })
      : error;
  }
}

function isUnreachable(error: unknown): boolean {
  const { code = '' } = error as { code?: string };
  return error instanceof DeadlineError || ['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'].includes(code);
}

/** The HTTP status of the daemon's answer, or undefined when it was none. */
export function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

/** A start that the daemon answers with 5xx met what may pass, as a lock on iptables or a slow runc: worth another try. */
export function asPassing(error: unknown): unknown {
  if ((statusOf(error) ?? 0) < 500) return error;
  return new AppError('runtime_unavailable', `Docker cannot start it now: ${(error as Error).message}`, {
    cause: error,
  });
}

/** Null where the daemon answers 404. */
export async function orNull<Result>(promise: Promise<Result>): Promise<Result | null> {
  return await tolerating([404], promise);
}

/** Null where the daemon answers with one of these statuses. */
export async function tolerating<Result>(
  statuses: readonly number[],
  promise: Promise<Result>,
): Promise<Result | null> {
  try {
    return await call(promise);
  } catch (error) {
    if (statuses.includes(statusOf(error) ?? 0)) return null;
    throw error;
  }
}

/**
 * The payload of a log or attach stream, or of a whole log: frames of an 8-byte header (stream, 0, 0, 0, length as uint32 big-endian) and
 * that many bytes (Docker Engine API, "Attach to a container"), in pieces of at most 64 KiB.
 */
export async function* payloads(stream: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
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

/**
 * The payloads of a log that goes on, until `signal`. The stream, a connection to the daemon of its own, ends with the
 * reading, and with the signal also before it has begun.
 */
export function following(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  const end = () => stream.destroy();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  return (async function* () {
    try {
      yield* payloads(stream);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', end);
      stream.destroy();
    }
  })();
}

/** The raw log of a container: a stream when it follows, else a whole. The typings know only some of the options. */
export async function rawLogs(
  container: Docker.Container,
  options: { tail?: number; since?: number; follow: boolean },
): Promise<unknown> {
  const all = { stdout: true, stderr: true, ...options };
  return await call((container as { logs(options: object): Promise<unknown> }).logs(all));
}

/** Labels on every object, from which the truth can be rebuilt. */
export const labels = {
  owner: 'io.sandplane.owner',
  sandbox: 'io.sandplane.sandbox',
  project: 'io.sandplane.project',
  component: 'io.sandplane.component',
  specHash: 'io.sandplane.spec-hash',
} as const;

export type ContainerInfo = Docker.ContainerInfo;
