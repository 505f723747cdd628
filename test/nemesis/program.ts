import { type Program as AnyProgram, runProgram } from '../support/program.ts';

/** One run of a program of ours, as a user would have started it. */
export interface Program extends AnyProgram {
  isUp(): boolean;
  isRunning(): boolean;
  /** By SIGTERM, and by SIGKILL when that takes too long. */
  stop(): Promise<void>;
}

const stopWithinMs = 30_000;

/** `upLine`: a pattern of what it prints once it is up. */
export function startProgram(entry: string, env: Record<string, string>, upLine: string): Program {
  // In a group of its own, as a Ctrl-C in the terminal is meant for the run.
  const program = runProgram([process.execPath, entry], new RegExp(upLine), { env, detached: true });
  const { child, ended } = program;
  let isUp = false;
  void program.up.then(() => {
    isUp = true;
  });
  return {
    ...program,
    isUp: () => isUp,
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
