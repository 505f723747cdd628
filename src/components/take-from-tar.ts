import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';

/**
 * Writes the first entry that is wanted into the file `target`. The archive comes out of the last of `streams`, as of a file and
 * what unpacks it. Returns whether there was such an entry.
 */
export async function takeFromTar(
  streams: readonly [NodeJS.ReadableStream, ...NodeJS.ReadWriteStream[]],
  isWanted: (entry: Header) => boolean,
  target: string,
): Promise<boolean> {
  const entries = extract();
  const reading = pipeline([...streams, entries]);
  // When it fails, the loop throws as well. When the loop throws first, nobody would wait for this any more.
  reading.catch(() => undefined);
  let found = false;
  for await (const entry of entries) {
    if (!found && isWanted(entry.header)) {
      await pipeline(entry, createWriteStream(target));
      found = true;
    } else {
      entry.resume();
    }
  }
  await reading;
  return found;
}
