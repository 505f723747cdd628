/** For whoever waits; the tables go to stdout. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
