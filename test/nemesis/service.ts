import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { isPortFree } from '../../src/runtime/ports.ts';
import type { Problem } from './model.ts';
import type { Random } from './random.ts';

/** Below the ports that the system gives away, and outside of the usual range of sandboxes. */
const firstPort = 15_000;
const portsOfRun = 200;
const upWithinMs = 180_000;
const stopWithinMs = 30_000;

export type Service = Awaited<ReturnType<typeof startService>>;

/**
 * It may end by itself with a sentence, as when Redis does not answer at its start, or when it stood still for longer than its
 * lease: somebody starts it again. A stack trace is a crash.
 */
function isTold(code: number | null, output: string): boolean {
  return code === 1 && !/^ +at /m.test(output);
}

/** Ports of its own: three for the service, the others for sandboxes. */
export async function findPorts(random: Random): Promise<number> {
  for (;;) {
    const first = firstPort + portsOfRun * random.between(0, 20);
    const own = [0, 1, 2, 3, 4].map((i) => isPortFree(first + i, '127.0.0.1'));
    if ((await Promise.all(own)).every(Boolean)) return first;
  }
}

export function portSettings(first: number): Record<string, string> {
  return {
    SANDPLANE_PORT: String(first),
    SANDPLANE_GRPC_PORT: String(first + 1),
    SANDPLANE_METRICS_PORT: String(first + 2),
    SANDPLANE_PORT_RANGE: `${first + 3}-${first + portsOfRun - 1}`,
  };
}

/**
 * The service as `npm start` runs it, started again by somebody whenever it has ended, as systemd would. An end that nobody has
 * asked for is a problem. Rejects when it does not come up the first time.
 */
export async function startService(env: Record<string, string>, random: Random, found: (problem: Problem) => void) {
  const stopping = new AbortController();
  const killed = new Set<number | undefined>();
  let child: ChildProcess | undefined;
  let output = '';
  let starts = 0;
  const up = Promise.withResolvers<void>();
  const keep = (chunk: Buffer) => {
    output = `${output}${chunk.toString()}`.slice(-20_000);
    if (output.includes('Ctrl-C')) up.resolve();
  };
  const running = (async () => {
    while (!stopping.signal.aborted) {
      starts += 1;
      output = '';
      // In a group of its own, as a Ctrl-C in the terminal is meant for the run.
      child = spawn(process.execPath, ['src/main.ts'], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
      child.stdout?.on('data', keep);
      child.stderr?.on('data', keep);
      const [code, signal] = await once(child, 'close');
      const isMeant = signal === 'SIGKILL' ? killed.has(child.pid) : code === 0 && stopping.signal.aborted;
      if (!isMeant && !isTold(code, output))
        found({ kind: 'lost', what: `the service, which ended with ${signal ?? code}:\n${output}` });
      up.reject(new Error(`the service ended with ${signal ?? code} at its first start`));
      await delay(random.between(200, 3000), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  async function stop(): Promise<void> {
    stopping.abort();
    child?.kill('SIGCONT');
    child?.kill('SIGTERM');
    const overdue = setTimeout(() => child?.kill('SIGKILL'), stopWithinMs);
    await running;
    clearTimeout(overdue);
  }

  const overdue = setTimeout(() => up.reject(new Error(`the service does not come up:\n${output}`)), upWithinMs);
  try {
    await up.promise;
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(overdue);
  }
  return {
    /** Undefined while it is down. */
    pid: () => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined),
    /** A fault is about to kill that process of it. */
    willKill(pid: number): void {
      killed.add(pid);
    },
    starts: () => starts,
    /** The end of what it has printed, for people. */
    output: () => output,
    stop,
  };
}
