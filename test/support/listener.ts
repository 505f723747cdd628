import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import type { Redis } from 'ioredis';

/**
 * Hears what a store is asked, by the command MONITOR. That of ioredis ends the process when the store is asked something
 * while it begins to listen.
 */
export async function listenTo(redis: Redis) {
  const socket = createConnection(redis.options.path ?? '');
  const monitor = createInterface({ input: socket });
  socket.write('MONITOR\r\n');
  // The first line is the reply, +OK.
  await once(monitor, 'line');

  /** Waits for what was asked so far: who asks may be answered before it is heard. */
  async function catchUp(): Promise<void> {
    const mark = randomUUID();
    const { promise, resolve } = Promise.withResolvers<void>();
    const listener = (line: string) => {
      if (line.includes(mark)) resolve();
    };
    monitor.on('line', listener);
    await redis.echo(mark);
    await promise;
    monitor.off('line', listener);
  }

  /** The commands, in their order, that the store was given during `work`. */
  async function during<Result>(work: () => Promise<Result>): Promise<{ result: Result; commands: string[] }> {
    await catchUp();
    const commands: string[] = [];
    const listener = (line: string) => commands.push(toCommand(line));
    monitor.on('line', listener);
    const result = await work();
    await catchUp();
    monitor.off('line', listener);
    return { result, commands };
  }

  return { during, close: () => socket.destroy() };
}

/** A line is `+<time> [<client>] "<word>" "<word>" ...`; quotes and backslashes in words are escaped. */
function toCommand(line: string): string {
  const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => word.replace(/\\(["\\])/g, '$1'));
  return words.join(' ');
}

/** How often a key was asked for by a question of its own. */
export function checksOf(keyId: string, commands: readonly string[]): number {
  return commands.filter((command) => /^hmget /.test(command) && command.split(' ')[1]?.endsWith(`key:${keyId}`))
    .length;
}
