import { offeredRuntimes } from '../src/reconcile/presence.ts';
import { repeat } from '../src/repeat.ts';
import type { RunningWorker, WorkerParts } from './parts.ts';

const reportEveryMs = 5000;

/** Tells the API every few seconds that this host lives, and what it can run. */
export async function reportHost(parts: WorkerParts): Promise<RunningWorker> {
  const { host, hosts, runtimes, defaultRuntime, versions, context, logger } = parts;
  const report = async () =>
    hosts.report({
      name: host,
      runtimes: offeredRuntimes(runtimes),
      away: [...runtimes].filter(([, { presence }]) => presence?.away()).map(([name]) => name),
      defaultRuntime,
      versions: await versions(),
      disk: await context.disk.report(),
    });
  await report();
  const reports = repeat(reportEveryMs, report, (error) => logger.warn({ err: error }, 'host not reported'));
  return {
    async close() {
      await reports.stop();
      // Nothing is to be done when it fails: a host that stops reporting counts as dead 15 s later.
      await hosts.retire(host).catch(() => undefined);
    },
  };
}
