import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

const headerBytes = 12;
const typeA = 1;

interface Question {
  readonly name: string;
  readonly type: number;
}

/**
 * A name server on loopback. For a name, `answer` returns its IPv4 addresses (an empty list: NODATA), 'nxdomain', or
 * undefined, for which no answer is sent.
 */
export async function startDnsServer(answer: (name: string) => readonly string[] | 'nxdomain' | undefined) {
  const asked: Question[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, peer) => {
    const question = questionOf(query);
    asked.push(question);
    const found = answer(question.name);
    if (found) socket.send(replyTo(query, question, found), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${(socket.address() as AddressInfo).port}`, asked, close: () => socket.close() };
}

/** RFC 1035, section 4.1.2: labels with their lengths, the type, the class. */
function questionOf(query: Buffer): Question & { end: number } {
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function replyTo(query: Buffer, question: Question & { end?: number }, found: readonly string[] | 'nxdomain'): Buffer {
  const addresses = found === 'nxdomain' || question.type !== typeA ? [] : found;
  const header = Buffer.alloc(headerBytes);
  query.copy(header, 0, 0, 2);
  // A response, recursion desired and available; the lowest bits say NXDOMAIN.
  header.writeUInt16BE(found === 'nxdomain' ? 0x8183 : 0x8180, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  return Buffer.concat([header, query.subarray(headerBytes, question.end), ...addresses.map(recordOf)]);
}

/** An A record of class IN that is valid for a minute. Its name is a pointer to the question. */
function recordOf(address: string): Buffer {
  return Buffer.from([0xc0, headerBytes, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]);
}
