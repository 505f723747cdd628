import { readFile } from 'node:fs/promises';

// USER_HZ is 100 on every Linux architecture that Node runs on (getconf CLK_TCK).
const ticksPerSecond = 100;
const pageKib = 4;

/**
 * User and system seconds that a process has used, with those of its ended and awaited children.
 * proc(5): fields 14 to 17 of stat. 0 when the process is gone.
 */
async function cpuSeconds(pid: number): Promise<number> {
  const fields = await statFields(pid);
  // The fields after the name begin with field 3.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
}

/** The CPU seconds of several processes, by name. */
export async function cpuSecondsOf(pids: Readonly<Record<string, number>>): Promise<Record<string, number>> {
  const each = Object.entries(pids).map(async ([name, pid]) => [name, await cpuSeconds(pid)] as const);
  return Object.fromEntries(await Promise.all(each));
}

/** Resident memory in MB (10^6 bytes); `pss` counts a page that n processes share as 1/n, as the binary's pages. */
export async function memoryMb(pid: number): Promise<{ rss: number; pss: number }> {
  const fields = await statFields(pid);
  // The process may have ended, or the kernel be older than 4.14: the PSS is then not a number.
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  const pssKib = Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? Number.NaN);
  return { rss: toMb(Number(fields[21] ?? 0) * pageKib), pss: toMb(pssKib) };
}

async function statFields(pid: number): Promise<string[]> {
  // The process may have ended: its figures are then 0.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name, in parentheses, may hold spaces.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

const toMb = (kib: number) => (kib * 1024) / 1e6;
