import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLock } from 'fs-native-extensions';
import { AppError, type ErrorCode } from './errors.ts';

interface LockOptions {
  /** Of the error when it cannot be had. */
  readonly code: ErrorCode;
  /** How long to wait for it. */
  readonly waitMs: number;
  /** Is called when another has it. */
  readonly onWait?: () => void;
}

/** Between two tries. To wait in a system call would keep one of the few threads that all file access shares. */
const pauseMs = 10;

/**
 * Takes a lock that other processes take too, on a file which exists for that time. The system frees it when the process
 * that has it ends, however it ends. Resolves with what gives it back. Throws when it cannot be had in time.
 */
export async function takeLock(file: string, options: LockOptions): Promise<() => Promise<void>> {
  const deadline = performance.now() + options.waitMs;
  let handle = await tryToLock(file);
  if (!handle) options.onWait?.();
  while (!handle) {
    if (performance.now() > deadline) {
      const detail = `${file} is locked by another program, and was for ${options.waitMs / 1000} s. End that program and try again.`;
      throw new AppError(options.code, detail);
    }
    await delay(pauseMs);
    handle = await tryToLock(file);
  }
  const held = handle;
  return async () => {
    // While it is locked: who has opened it meanwhile finds that it is gone, and makes it anew.
    await rm(file, { force: true });
    await held.close();
  };
}

/** The locked file, or null when another has it locked. */
async function tryToLock(file: string): Promise<FileHandle | null> {
  const handle = await open(file, 'a', 0o600);
  try {
    if (tryLock(handle.fd) && (await isAt(file, handle))) return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return null;
}

/** Whether the open file is still the one at this path: who had it locked has removed it. */
async function isAt(file: string, handle: FileHandle): Promise<boolean> {
  const [opened, there] = await Promise.all([
    handle.stat({ bigint: true }),
    stat(file, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return null;
    }),
  ]);
  return there !== null && there.ino === opened.ino && there.dev === opened.dev;
}
