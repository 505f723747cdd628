import { AppError, isAppError } from '../errors.ts';
import { asStoreError } from '../redis/connection.ts';

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

/** What a machine refuses for want of room, rights or open files: that is nobody's fault in this code. */
const refusals = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EMFILE', 'ENFILE'];

function reportAndExit(error: unknown): never {
  process.stderr.write(`${describe(error)}\n`);
  process.exit(1);
}

/** A sentence for an error of ours, for what the machine refused, and for a Redis that has ended; any other error in full. */
function describe(error: unknown): string {
  if (error instanceof AppError) return error.message;
  const { code, message, stack } = (error ?? {}) as NodeJS.ErrnoException;
  if (isAppError(asStoreError(error), 'store_unavailable'))
    return `Redis stopped answering while this was starting (${message}). Start it again once Redis is there.`;
  return refusals.includes(code ?? '') ? `The machine refused: ${message}` : String(stack ?? error);
}
