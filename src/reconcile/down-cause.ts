import type { Runtime } from '../runtime/driver.ts';
import { componentExited, type DownCause, outOfMemory, restarting } from '../sandbox/api-server-condition.ts';

/** The component that has ended. Of several, the one that most likely ended the others. */
export async function downCause(runtime: Runtime, id: string): Promise<DownCause> {
  const [observed] = await runtime.observe(id);
  const ended = (observed?.components ?? []).filter(({ state }) => state === 'exited');
  const first = ended.find((one) => one.isOutOfMemory) ?? ended.find(({ name }) => name === 'etcd') ?? ended[0];
  if (!first) return restarting;
  return first.isOutOfMemory ? outOfMemory(first.name) : componentExited(first.name, first.exitCode);
}
