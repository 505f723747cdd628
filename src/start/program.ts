import { AppError } from '../errors.ts';

/** Runs the program of an entry point, and ends the process when it cannot go on. */
export async function runProgram(program: () => Promise<void>): Promise<void> {
  usualFileModes();
  // They may be files on a disk that is full, or a terminal that is gone: that ends no program.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  await program().catch(reportAndExit);
}

/**
 * From here on folders and files get the modes that the code asks for, whatever the shell's umask: as root, sandboxes are
 * users of their own, who must pass through the data folder and execute what is in the cache, and nobody else may write
 * there. What is secret asks for 0600 or 0700.
 */
export function usualFileModes(): void {
  process.umask(0o022);
}

/** Prints an error of ours as a sentence, any other error in full. */
function reportAndExit(error: unknown): never {
  process.stderr.write(`${error instanceof AppError ? error.message : String((error as Error)?.stack ?? error)}\n`);
  process.exit(1);
}
