import { gunzipSync, inflateSync } from 'node:zlib';
import { StatusError } from './status.ts';

/** A flag (1: compressed) and the length as 32 bits: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
const headLength = 5;

const longestMessage = 64 * 1024;
/** A piece of one byte takes a hundred as an object; joining at each would copy them over and over. */
const mostPieces = 64;

type Decompress = (bytes: Buffer, limits: { maxOutputLength: number }) => Buffer;

const decompressors: Readonly<Record<string, Decompress>> = { gzip: gunzipSync, deflate: inflateSync };

/** What a message may be compressed with, as the header `grpc-accept-encoding` has it. */
export const acceptedEncodings = ['identity', ...Object.keys(decompressors)].join(',');

/** A message as it is sent. */
export function toFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headLength + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, headLength);
  return frame;
}

/** Takes what comes, piece by piece, and returns the messages that it completes. Throws StatusError. */
export type TakePiece = (piece: Buffer) => readonly Buffer[];

/** `encoding` is the header `grpc-encoding`. */
export function createUnframer(encoding: string | undefined): TakePiece {
  let pieces: Buffer[] = [];
  let have = 0;
  let needed = headLength;
  return (piece) => {
    pieces.push(piece);
    have += piece.length;
    if (have < needed) {
      if (pieces.length > mostPieces) pieces = [Buffer.concat(pieces)];
      return [];
    }
    let left = pieces.length === 1 ? piece : Buffer.concat(pieces);
    const messages: Buffer[] = [];
    for (needed = neededOf(left); left.length >= needed; needed = neededOf(left)) {
      const bytes = left.subarray(headLength, needed);
      messages.push(left[0] === 0 ? bytes : decompressed(bytes, encoding));
      left = left.subarray(needed);
    }
    pieces = [left];
    have = left.length;
    return messages;
  };
}

/** How long a frame is, or at least its head. One that is too long is not waited for. */
function neededOf(frame: Buffer): number {
  if (frame.length < headLength) return headLength;
  const length = frame.readUInt32BE(1);
  if (length <= longestMessage) return headLength + length;
  throw new StatusError('RESOURCE_EXHAUSTED', `A message may have ${longestMessage} bytes; this one has ${length}.`);
}

function decompressed(bytes: Buffer, encoding = 'identity'): Buffer {
  if (encoding === 'identity')
    throw new StatusError('INTERNAL', 'A message is marked as compressed, and none is to be.');
  const decompress = Object.hasOwn(decompressors, encoding) ? decompressors[encoding] : undefined;
  if (!decompress) throw new StatusError('UNIMPLEMENTED', `Messages may be compressed with: ${acceptedEncodings}.`);
  try {
    return decompress(bytes, { maxOutputLength: longestMessage });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') {
      throw new StatusError('INTERNAL', `A message could not be decompressed as ${encoding}.`);
    }
    throw new StatusError('RESOURCE_EXHAUSTED', `A message may have ${longestMessage} bytes once decompressed.`);
  }
}
