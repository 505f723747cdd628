import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

/** Records the commands that Redis gets. */
export async function listenTo(redis: Redis) {
  const monitor = await redis.monitor();

  /** Waits until all commands so far were recorded: a client may get its answer before that. */
  async function catchUp(): Promise<void> {
    const mark = randomUUID();
    const { promise, resolve } = Promise.withResolvers<void>();
    const listener = (_time: string, command: string[]) => {
      if (command.includes(mark)) resolve();
    };
    monitor.on('monitor', listener);
    await redis.echo(mark);
    await promise;
    monitor.off('monitor', listener);
  }

  /** The commands, in their order, that Redis got during `work`. */
  async function during<Result>(work: () => Promise<Result>): Promise<{ result: Result; commands: string[] }> {
    await catchUp();
    const commands: string[] = [];
    const listener = (_time: string, command: string[]) => commands.push(command.join(' '));
    monitor.on('monitor', listener);
    const result = await work();
    await catchUp();
    monitor.off('monitor', listener);
    return { result, commands };
  }

  return { during, close: () => monitor.disconnect() };
}

/** How often a key was asked for by a question of its own. */
export function checksOf(keyId: string, commands: readonly string[]): number {
  return commands.filter((command) => command.startsWith('hgetall') && command.endsWith(`key:${keyId}`)).length;
}
