import { startQueue } from '../src/queue/names.ts';
import { repeat } from '../src/repeat.ts';
import type { RunningWorker, WorkerParts } from './parts.ts';
import { type SandboxWorker, sandboxWorker } from './sandbox-worker.ts';

/** A daemon may be started after the service, or go away, and the disk become full. */
const lookEveryMs = 1000;

/**
 * Takes sandboxes that no host has yet, from the queue of each runtime that this host offers. All hosts share these queues,
 * and each takes as many as it has slots: so a sandbox goes where there is room.
 */
export function startSandboxes(parts: WorkerParts): RunningWorker[] {
  return [...parts.runtimes.keys()].map((runtime) => takeStarts(parts, runtime));
}

function takeStarts(parts: WorkerParts, runtime: string): RunningWorker {
  const { config, runtimes, logger } = parts;
  const presence = runtimes.get(runtime)?.presence;
  let worker: SandboxWorker | null = null;
  const look = async () => {
    if (presence && !presence.isOffered()) return;
    const leaves = await leavesToOthers(parts, runtime);
    if (leaves) await worker?.pause();
    else if (worker) await worker.resume();
    else worker = sandboxWorker(parts, { queue: startQueue(runtime), concurrency: config.startConcurrency });
  };
  const looks = repeat(lookEveryMs, look, (error) => logger.warn({ runtime, err: error }, 'start queue not looked at'));
  return {
    async close() {
      await looks.stop();
      await worker?.close();
    },
  };
}

/**
 * Whether this host could only keep starts waiting, and another can start them now. When none can, it takes them all the same,
 * to say in their status what they wait for.
 */
async function leavesToOthers({ runtimes, context, hosts, host }: WorkerParts, runtime: string): Promise<boolean> {
  const isAway = (runtimes.get(runtime)?.presence?.away() ?? null) !== null;
  if (!isAway && (await context.disk.hasRoom({ wasReady: false }))) return false;
  return await hosts.canStartElsewhere(runtime, host);
}
