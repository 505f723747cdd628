/** Prints one line of the result: what was measured, the value, and the target. */
export function printFigure(text: string, value: number, wanted: string): void {
  process.stdout.write(`${text.padEnd(52)} ${value.toFixed(2).padStart(8)}   wanted: ${wanted}\n`);
}
