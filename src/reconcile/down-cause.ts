import type { ObservedComponent, Runtime } from '../runtime/driver.ts';

/** Why a sandbox that was ready is not any more, as its condition ApiServerReady tells. */
export interface DownCause {
  readonly reason: string;
  readonly message: string;
}

/** Said where no component is known to have ended: all of them hang, or are gone without a trace. */
export const restarting: DownCause = { reason: 'Restarting', message: 'being restarted' };

/** The component that has ended. Of several, the one that most likely ended the others. */
export async function downCause(runtime: Runtime, id: string): Promise<DownCause> {
  const [observed] = await runtime.observe(id);
  const ended = (observed?.components ?? []).filter(({ state }) => state === 'exited');
  const first = ended.find((one) => one.isOutOfMemory) ?? ended.find(({ name }) => name === 'etcd') ?? ended[0];
  return first ? causeOf(first) : restarting;
}

function causeOf({ name, exitCode, isOutOfMemory }: ObservedComponent): DownCause {
  if (isOutOfMemory) {
    // As Kubernetes calls it.
    return { reason: 'OOMKilled', message: `${name} needed more memory than it may have; being restarted` };
  }
  const code = exitCode === null ? '' : ` with code ${exitCode}`;
  return { reason: 'ComponentExited', message: `${name} exited${code}; being restarted` };
}
