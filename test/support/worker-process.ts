import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** What happens to a worker when the runtime comes to a step, as `before prepare` or `after start etcd`. */
export interface WorkerFault {
  readonly at: string;
  /** Its event loop stands still until there is this file. Else it is killed. */
  readonly blockedUntil?: string;
}

export interface WorkerProcess {
  readonly name: string;
  readonly ended: Promise<unknown>;
  kill(signal: NodeJS.Signals): void;
  /** The ids of the sandboxes that run here. */
  running(): Promise<string[]>;
}

/** A worker as a process of its own, whose sandboxes are in memory. Resolves once it works; rejects when it ends before. */
export async function startWorkerProcess(
  name: string,
  env: Record<string, string>,
  { startMs, fault }: { startMs: number; fault?: WorkerFault },
): Promise<WorkerProcess> {
  const entry = path.join(import.meta.dirname, 'fake-worker.ts');
  const child = spawn(process.execPath, [entry, String(startMs), JSON.stringify(fault ?? null)], {
    env: { PATH: process.env.PATH ?? '', ...env, SANDPLANE_WORKER_NAME: name },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const silenced = once(lines, 'close').then(() => {
    throw new Error(`the worker ${name} ended before it said what was waited for`);
  });
  const nextLine = async () => ((await Promise.race([once(lines, 'line'), silenced])) as [string])[0];
  const first = await nextLine();
  if (first !== 'working') throw new Error(`the worker said: ${first}`);
  return {
    name,
    ended,
    kill: (signal) => void child.kill(signal),
    async running() {
      const answer = nextLine();
      child.kill('SIGUSR2');
      return (JSON.parse(await answer) as { running: string[] }).running;
    },
  };
}
