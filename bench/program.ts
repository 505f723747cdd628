import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import packageJson from '../package.json' with { type: 'json' };
import type { Cleanup } from './cleanup.ts';

const root = path.join(import.meta.dirname, '..');
/** The options that `npm run server` gives to node. */
const nodeOptions = packageJson.scripts.server.split(' ').filter((word) => word.startsWith('--'));

const startTimeoutMs = 60_000;

export interface Program {
  readonly child: ChildProcess;
  /** The groups of the pattern that was waited for. */
  readonly found: string[];
}

/**
 * Starts a program of the service. Resolves with what `pattern` finds in its output; throws when it ends before, or after a
 * minute.
 */
export async function startProgram(
  cleanup: Cleanup,
  args: readonly string[],
  env: Record<string, string>,
  pattern: RegExp,
): Promise<Program> {
  const child = spawn(process.execPath, [...nodeOptions, ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanup.add(() => void child.kill('SIGKILL'));
  const limit = AbortSignal.timeout(startTimeoutMs);
  for await (const line of createInterface({ input: child.stdout, signal: limit })) {
    const found = pattern.exec(line);
    if (!found) continue;
    // Nobody reads on, and a full pipe would block the process.
    child.stdout.resume();
    return { child, found: found.slice(1) };
  }
  throw new Error(`${args[0]} ${limit.aborted ? 'was not ready after a minute' : 'ended before it was ready'}`);
}
