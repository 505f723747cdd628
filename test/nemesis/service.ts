import { setTimeout as delay } from 'node:timers/promises';
import { isPortFree } from '../../src/runtime/ports.ts';
import type { Problem } from './model.ts';
import { isTold, type Program } from './program.ts';
import type { Random } from './random.ts';

/** Below the ports that the system gives away, and outside of the usual range of sandboxes. */
const firstPort = 15_000;
const portsOfRun = 200;
const upWithinMs = 180_000;

export type Kept = Awaited<ReturnType<typeof keepRunning>>;

/** Ports of its own: three for the service, the others for sandboxes. */
export async function findPorts(random: Random): Promise<number> {
  for (;;) {
    const first = firstPort + portsOfRun * random.between(0, 20);
    const own = [0, 1, 2, 3, 4].map((i) => isPortFree(first + i, '127.0.0.1'));
    if ((await Promise.all(own)).every(Boolean)) return first;
  }
}

/** The first and the last port for sandboxes. */
export function sandboxPorts(first: number): [number, number] {
  return [first + 3, first + portsOfRun - 1];
}

export function portSettings(first: number): Record<string, string> {
  return {
    SANDPLANE_PORT: String(first),
    SANDPLANE_GRPC_PORT: String(first + 1),
    SANDPLANE_METRICS_PORT: String(first + 2),
    SANDPLANE_PORT_RANGE: sandboxPorts(first).join('-'),
  };
}

/**
 * A program that is started again by somebody whenever it has ended, as systemd would. An end that nobody has asked for is a
 * problem. Rejects when it does not come up the first time.
 */
export async function keepRunning(
  name: string,
  start: () => Program,
  random: Random,
  found: (problem: Problem) => void,
) {
  const stopping = new AbortController();
  const killed = new Set<number | undefined>();
  let current = start();
  let starts = 1;
  const first = current;
  const running = (async () => {
    for (;;) {
      const { child, ended, output } = current;
      const [code, signal] = await ended;
      const isMeant = signal === 'SIGKILL' ? killed.has(child.pid) : code === 0 && stopping.signal.aborted;
      if (!isMeant && !isTold(code, output()))
        found({ kind: 'lost', what: `${name}, which ended with ${signal ?? code}:\n${output()}` });
      await delay(random.between(200, 3000), undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      current = start();
      starts += 1;
    }
  })();
  async function stop(): Promise<void> {
    stopping.abort();
    if (current.isRunning()) await current.stop();
    await running;
  }

  const overdue = new AbortController();
  try {
    const isUp = await Promise.race([
      first.up.then(() => true),
      first.ended.then(() => false),
      delay(upWithinMs, false, { signal: overdue.signal }),
    ]);
    if (!isUp) throw new Error(`${name} does not come up:\n${first.output()}`);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    overdue.abort();
  }
  return {
    name,
    /** Undefined while it is down. */
    pid: () => (current.isRunning() ? current.child.pid : undefined),
    isUp: () => current.isRunning() && current.isUp(),
    /** A fault is about to kill that process of it. */
    willKill(pid: number): void {
      killed.add(pid);
    },
    starts: () => starts,
    /** The end of what it has printed, for people. */
    output: () => current.output(),
    stop,
  };
}
