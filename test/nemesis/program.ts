import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** One run of a program of ours, as a user would have started it. */
export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>;
  /** The end of what it has printed, for people. */
  output(): string;
  isUp(): boolean;
  /** Resolves once it is up. */
  readonly up: Promise<void>;
  isRunning(): boolean;
  /** By SIGTERM, and by SIGKILL when that takes too long. */
  stop(): Promise<void>;
}

const stopWithinMs = 30_000;

/** `upLine`: what it prints once it is up. */
export function startProgram(entry: string, env: Record<string, string>, upLine: string): Program {
  // In a group of its own, as a Ctrl-C in the terminal is meant for the run.
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const { promise: up, resolve } = Promise.withResolvers<void>();
  let output = '';
  let isUp = false;
  const keep = (chunk: Buffer) => {
    output = `${output}${chunk.toString()}`.slice(-20_000);
    if (isUp || !output.includes(upLine)) return;
    isUp = true;
    resolve();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return {
    child,
    ended,
    output: () => output,
    isUp: () => isUp,
    up,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    async stop() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const overdue = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
      await ended;
      clearTimeout(overdue);
    },
  };
}

/** What main.ts prints, and what the API and the workers log, when src/shutdown.ts ends them after an error that nothing caught. */
const uncaught = /Stopping after an error|ending after an error that nothing caught|second error, exiting/;

/**
 * It may end by itself with a sentence, as when Redis does not answer at its start, or when another serves its host. A stack
 * trace is a crash, and so is an error that nothing caught, whose stack is in a log or within a line.
 */
export function isTold(code: number | null, output: string): boolean {
  return code === 1 && !/^ +at /m.test(output) && !uncaught.test(output);
}
