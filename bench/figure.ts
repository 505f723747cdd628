/** A line of the result: what it is, its value, and what is wanted of it. */
export function printFigure(text: string, value: number, wanted: string): void {
  process.stdout.write(`${text.padEnd(52)} ${value.toFixed(2).padStart(8)}   wanted: ${wanted}\n`);
}
