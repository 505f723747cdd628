import { AppError } from '../errors.ts';

/** The last words of a process that could not start: what was foreseen in a sentence, all else in full. */
export function reportAndExit(error: unknown): never {
  process.stderr.write(`${error instanceof AppError ? error.message : String((error as Error)?.stack ?? error)}\n`);
  process.exit(1);
}
