import { AppError } from '../errors.ts';

/** Ends a process that could not start: prints an error of ours as a sentence, any other error in full. */
export function reportAndExit(error: unknown): never {
  process.stderr.write(`${error instanceof AppError ? error.message : String((error as Error)?.stack ?? error)}\n`);
  process.exit(1);
}
