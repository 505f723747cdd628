import { findProcesses } from '../../src/runtime/process-identity.ts';

/** The process whose command line holds all of this. Throws unless it is one: a signal to pid 0 would hit the tests. */
export async function pidOf(first: string, ...more: string[]): Promise<number> {
  const found = (await findProcesses(first)).filter(({ commandLine }) =>
    more.every((one) => commandLine.includes(one)),
  );
  const [only] = found;
  if (only && found.length === 1) return only.pid;
  throw new Error(`${found.length} processes with ${[first, ...more].join(' and ')}, not one`);
}
