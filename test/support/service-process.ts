import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { testEnvironment } from './service.ts';

/** The service as a process of its own, as `npm start` runs it. */
export interface ServiceProcess {
  readonly url: string;
  readonly pid: number;
  /** What it has printed so far. */
  readonly output: () => string;
  /** Sends a signal and waits until the process has ended. Returns the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

interface StartOptions {
  /** Of the shell that starts it, in octal. */
  readonly umask?: string;
  /** What the last line begins with that is waited for. */
  readonly until?: string;
}

/** Starts the service and resolves when it is up. Throws with its output when it ends before. */
export async function startServiceProcess(
  dataDir: string,
  more: Record<string, string> = {},
  { umask, until = 'Ctrl-C' }: StartOptions = {},
): Promise<ServiceProcess> {
  const env = { PATH: process.env.PATH ?? '', HOME: dataDir, ...testEnvironment(dataDir, more) };
  const program = [process.execPath, 'src/main.ts'];
  const [command = '', ...args] = umask ? ['sh', '-c', `umask ${umask}; exec "$0" "$@"`, ...program] : program;
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let isUp = false;
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  for await (const line of createInterface({ input: child.stdout })) {
    output += `${line}\n`;
    isUp = line.startsWith(until);
    if (isUp) break;
  }
  const url = /^API: (\S+)/m.exec(output)?.[1];
  if (!isUp || !url) throw new Error(`the service did not start:\n${output}`);
  child.stdout.resume();
  return { url, pid: child.pid as number, output: () => output, end: (signal) => end(child, signal) };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  const [code] = await exited;
  return code as number | null;
}
