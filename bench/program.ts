import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { runProgram, untilUp } from '../test/support/program.ts';
import type { Cleanup } from './cleanup.ts';

const root = path.join(import.meta.dirname, '..');
/** The options that `npm run server` gives to node. */
const nodeOptions = packageJson.scripts.server.split(' ').filter((word) => word.startsWith('--'));

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
  const command = [process.execPath, ...nodeOptions, ...args];
  const program = runProgram(command, pattern, { cwd: root, env, stderr: 'inherit' });
  const { child } = program;
  cleanup.add(() => void child.kill('SIGKILL'));
  const found = await untilUp(program, args[0] ?? '');
  // To read all that is logged under load takes time that the benchmark measures, and a full pipe would block the process.
  child.stdout?.removeAllListeners('data').resume();
  return { child, found };
}
