import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

export interface WorkerProcess {
  readonly name: string;
  kill(signal: NodeJS.Signals): void;
  /** The ids of the sandboxes that run here. */
  running(): Promise<string[]>;
}

/** A worker as a process of its own, whose sandboxes are in memory. Resolves once it works. */
export async function startWorkerProcess(
  name: string,
  env: Record<string, string>,
  { startMs }: { startMs: number },
): Promise<WorkerProcess> {
  const entry = path.join(import.meta.dirname, 'fake-worker.ts');
  const child = spawn(process.execPath, [entry, String(startMs)], {
    env: { PATH: process.env.PATH ?? '', ...env, SANDPLANE_WORKER_NAME: name },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const [first] = (await once(lines, 'line')) as [string];
  if (first !== 'working') throw new Error(`the worker said: ${first}`);
  return {
    name,
    kill: (signal) => void child.kill(signal),
    async running() {
      const answer = once(lines, 'line');
      child.kill('SIGUSR2');
      const [line] = (await answer) as [string];
      return (JSON.parse(line) as { running: string[] }).running;
    },
  };
}
