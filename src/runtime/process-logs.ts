import { createReadStream } from 'node:fs';
import { copyFile, open, stat, truncate } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { noLogYet } from './component-errors.ts';
import type { LogOptions } from './driver.ts';
import { ifThere } from './if-there.ts';

const rotateAtBytes = 10 * 1024 * 1024;
const chunkBytes = 64 * 1024;
const followEveryMs = 100;

/**
 * Moves the content of a log that has grown over 10 MiB to `<file>.1`, replacing what was there. The file is copied and
 * emptied instead of renamed, since the process has it open; it was opened for appending, so that the process goes on
 * writing at the new end.
 */
export async function rotateLog(file: string): Promise<void> {
  const size = await sizeOf(file);
  if (size === null || size < rotateAtBytes) return;
  // The sandbox may be removed meanwhile.
  await ifThere(copyFile(file, `${file}.1`));
  await ifThere(truncate(file, 0));
}

/** The last `count` lines, of at most the last MiB. */
export async function lastLines(file: string, count: number): Promise<string[]> {
  const start = await tailOffset(file, count);
  if (start === null) return [];
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(file, { start })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8').split('\n').filter(Boolean).slice(-count);
}

/**
 * The log from `tail` lines before its end; with `follow` also what is written later, across rotations, until the signal
 * or the removal of the file. Rejects with `logs_unavailable` when there is no log yet.
 */
export async function readLog(file: string, { tail, follow, signal }: LogOptions): Promise<AsyncIterable<Buffer>> {
  const from = await tailOffset(file, tail);
  if (from === null) throw noLogYet();
  return readFrom(file, from, follow, signal);
}

async function* readFrom(file: string, from: number, follow: boolean, signal: AbortSignal): AsyncGenerator<Buffer> {
  const handle = await ifThere(open(file, 'r'));
  if (!handle) return;
  try {
    let isRemoved = false;
    let buffer = Buffer.allocUnsafe(chunkBytes);
    for (let offset = from; !signal.aborted; ) {
      const { bytesRead } = await handle.read({ buffer, position: offset });
      offset += bytesRead;
      if (bytesRead > 0) {
        yield buffer.subarray(0, bytesRead);
        buffer = Buffer.allocUnsafe(chunkBytes);
        continue;
      }
      // After a removal the file is read once more, for what was written right before.
      if (!follow || isRemoved) return;
      // The rejection says that the reader has left, which the loop finds out by itself.
      await delay(followEveryMs, undefined, { signal }).catch(() => undefined);
      const { size, nlink } = await handle.stat();
      isRemoved = nlink === 0;
      if (size < offset) offset = 0;
    }
  } finally {
    await handle.close();
  }
}

/** The offset at which the last `lines` lines begin, found by reading backwards; null when there is no file. */
async function tailOffset(file: string, lines: number): Promise<number | null> {
  const size = await sizeOf(file);
  if (size === null) return null;
  if (lines === 0) return size;
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(chunkBytes);
    let found = 0;
    for (let end = size; end > 0 && size - end < 16 * chunkBytes; ) {
      const length = Math.min(chunkBytes, end);
      await handle.read(buffer, 0, length, end - length);
      for (let i = length - 1; i >= 0; i -= 1) {
        // The newline that ends the last line does not begin another.
        if (buffer[i] === 0x0a && end - length + i !== size - 1) found += 1;
        if (found === lines) return end - length + i + 1;
      }
      end -= length;
    }
    return Math.max(0, size - 16 * chunkBytes);
  } finally {
    await handle.close();
  }
}

async function sizeOf(file: string): Promise<number | null> {
  return (await ifThere(stat(file)))?.size ?? null;
}
