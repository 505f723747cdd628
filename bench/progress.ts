/** Prints a line to stderr for the user who waits; results go to stdout. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
