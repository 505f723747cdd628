import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** Names one process for good. A pid alone does not: the system gives it to another process later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the platform's own notation: compared for equality, never read. */
  readonly started: string;
}

export interface ProcessFacts extends ProcessIdentity {
  readonly commandLine: string;
}

const run = promisify(execFile);

/** The process with this pid, or null when there is none that still runs (a zombie does not). */
export async function describeProcess(pid: number): Promise<ProcessFacts | null> {
  return process.platform === 'linux' ? await fromProc(pid) : await fromPs(pid);
}

/** Whether that very process still runs. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const facts = await describeProcess(identity.pid);
  return facts !== null && facts.started === identity.started;
}

/** All processes whose command line holds `text`. */
export async function findProcesses(text: string): Promise<ProcessFacts[]> {
  const pids = process.platform === 'linux' ? await pidsFromProc() : await pidsFromPs();
  const candidates = process.platform === 'linux' ? pids.filter((pid) => commandLineHolds(pid, text)) : pids;
  const facts = await Promise.all(candidates.map((pid) => describeProcess(pid)));
  return facts.filter((one) => one !== null).filter((one) => one.commandLine.includes(text));
}

/** Synchronous, as this is memory and no disk: it takes 7 microseconds, and an asynchronous read ten times as long. */
function commandLineHolds(pid: number, text: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(text);
  } catch (error) {
    // It has ended, or belongs to another user of a system that hides those.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** The processes of a user, but for zombies. Known on Linux only. */
export async function pidsOfUser(uid: number): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const pids = await pidsFromProc();
  const areHis = await Promise.all(pids.map((pid) => isOfUser(pid, uid)));
  return pids.filter((_, i) => areHis[i]);
}

/** proc(5): the real, effective, saved and file system ids of a process are in one line of its status. */
async function isOfUser(pid: number, uid: number): Promise<boolean> {
  // It may end meanwhile.
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const ids = /^Uid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/).map(Number) ?? [];
  return ids.includes(uid) && !/^State:\s+[ZX]/m.test(status);
}

/** The name of the program on a command line, without its folder. */
export function commandOf(commandLine: string): string {
  return path.basename(commandLine.split(' ', 1)[0] ?? '');
}

/** proc(5): field 3 of stat is the state, field 22 the start in clock ticks since boot; the boot id makes it unique. */
async function fromProc(pid: number): Promise<ProcessFacts | null> {
  try {
    const [stat, commandLine] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]);
    // The second field, the name, is in parentheses and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return { pid, started: `${await bootId()}:${fields[19]}`, commandLine: commandLine.replaceAll('\0', ' ').trim() };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

let boot: Promise<string> | undefined;
/** Changes at each start of the machine. Rejects on platforms that have no such id. */
export function bootId(): Promise<string> {
  boot ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then((id) => id.trim());
  return boot;
}

async function fromPs(pid: number): Promise<ProcessFacts | null> {
  try {
    const { stdout } = await run('ps', ['-ww', '-p', String(pid), '-o', 'stat=,lstart=,command=']);
    const [, state = 'Z', started = '', commandLine = ''] = /^\s*(\S+)\s+(.{24})\s+(.*)$/s.exec(stdout) ?? [];
    return state.startsWith('Z') ? null : { pid, started, commandLine: commandLine.trim() };
  } catch (error) {
    // ps ends with 1 and prints nothing when there is no such process.
    if ((error as { code?: unknown }).code === 1) return null;
    throw error;
  }
}

async function pidsFromProc(): Promise<number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

async function pidsFromPs(): Promise<number[]> {
  const { stdout } = await run('ps', ['-axo', 'pid=']);
  return stdout.split('\n').map(Number).filter(Boolean);
}
