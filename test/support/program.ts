import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** A program of ours as a process of its own. */
export interface Program {
  readonly child: ChildProcess;
  /** When it has ended and all that it printed was read. */
  readonly ended: Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>;
  /** The end of what it has printed, for people. */
  output(): string;
  /** Resolves with the groups of the pattern once a line has it. */
  readonly up: Promise<string[]>;
}

interface ProgramOptions {
  readonly env: Record<string, string>;
  readonly cwd?: string;
  /** In a group of its own, so that Ctrl-C in the terminal does not reach it. */
  readonly detached?: boolean;
  /** Where its errors go to instead of into its output. */
  readonly stderr?: 'inherit';
}

const keptLength = 20_000;

/** `upLine`: of the line that it prints once it is up. */
export function runProgram(
  [command = '', ...args]: readonly string[],
  upLine: RegExp,
  { stderr, ...options }: ProgramOptions,
): Program {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', stderr ?? 'pipe'] });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const { promise: up, resolve } = Promise.withResolvers<string[]>();
  let output = '';
  let isUp = false;
  const keep = (chunk: Buffer) => {
    output += chunk.toString();
    // Whole lines, as a chunk may end in the middle of what is looked for.
    const found = isUp ? null : upLine.exec(output.slice(0, output.lastIndexOf('\n') + 1));
    if (found) {
      isUp = true;
      resolve(found.slice(1));
    }
    output = output.slice(-keptLength);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return { child, ended, output: () => output, up };
}

/** Resolves as `up` does. Throws with its output when it ends before, or when it takes too long. */
export async function untilUp({ up, ended, output }: Program, name: string, limitMs = 60_000): Promise<string[]> {
  const overdue = new AbortController();
  const found = await Promise.race([
    up,
    ended.then(() => 'ended before it was up'),
    delay(limitMs, `was not up after ${limitMs / 1000} s`, { signal: overdue.signal }),
  ]).finally(() => overdue.abort());
  if (typeof found === 'string') throw new Error(`${name} ${found}:\n${output()}`);
  return found;
}

/** Resolves with its exit code when it has ended, also when it had before. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
  return child.exitCode;
}
