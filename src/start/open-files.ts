import { readFile } from 'node:fs/promises';
import { ifThere } from '../runtime/if-there.ts';

/** Where the system does not tell how many files may be open. */
const usualOpenFiles = 10_240;
/** Kept for what is not a client's connection: files, Redis, pipes, connections to sandboxes and to receivers. */
const mostReserved = 1024;
const mostGrpcConnections = 1000;

/**
 * How many connections REST and gRPC take, so that enough files can still be opened for the work on sandboxes. At most half
 * of what may be open is kept for that.
 */
export async function connectionLimits(): Promise<{ readonly rest: number; readonly grpc: number }> {
  const openFiles = mostOpenFiles((await ifThere(readFile('/proc/self/limits', 'utf8'))) ?? '');
  const connections = openFiles - Math.min(mostReserved, Math.floor(openFiles / 2));
  const grpc = Math.min(mostGrpcConnections, Math.floor(connections / 4));
  return { rest: connections - grpc, grpc };
}

/** The soft limit, of the text of /proc/self/limits (proc(5)); Node raises it to the hard one when it starts. */
function mostOpenFiles(limits: string): number {
  const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(limits) ?? [];
  return soft === 'unlimited' ? 1_048_576 : Number(soft) || usualOpenFiles;
}
