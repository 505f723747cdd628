import type { DockerProxy } from '../support/docker-proxy.ts';
import type { Lasting } from './lasting.ts';
import type { Machine } from './machine.ts';
import type { Random } from './random.ts';

/** The daemon is away for some seconds, or answers nothing, for the service alone. */
export function daemonFaults(proxy: DockerProxy, lasting: Lasting): Machine['faults'] {
  const forSeconds = (what: string, begin: () => Promise<void> | void) =>
    async function loseDaemon(random: Random) {
      const seconds = random.between(2, 20);
      if (lasting.isUnderWay('daemon')) return null;
      lasting.undoAfter('daemon', seconds, proxy.comeBack);
      await begin();
      return { what: `${what} for ${seconds} s` };
    };
  return {
    'daemon-away': [2, forSeconds('the daemon is gone', proxy.leave)],
    'freeze-daemon': [2, forSeconds('the daemon answers nothing', proxy.freeze)],
  };
}
