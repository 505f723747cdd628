import { findProcesses } from '../../src/runtime/process-identity.ts';

/** The process that has all these texts on its command line. Throws unless there is exactly one. */
export async function pidOf(first: string, ...more: string[]): Promise<number> {
  const found = (await findProcesses(first)).filter(({ commandLine }) =>
    more.every((one) => commandLine.includes(one)),
  );
  const [only] = found;
  if (only && found.length === 1) return only.pid;
  throw new Error(`${found.length} processes with ${[first, ...more].join(' and ')}, not one`);
}
