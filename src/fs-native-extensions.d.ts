/** The part that is used of fs-native-extensions, which has no types of its own. */
declare module 'fs-native-extensions' {
  /**
   * Locks the whole file for this open file, until that is closed: on Linux an open file description lock, fcntl(2). False
   * when another open file has it locked.
   */
  export function tryLock(fd: number): boolean;
}
