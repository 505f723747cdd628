import type { Service } from '../service.ts';

interface Cycles {
  readonly count: number;
  readonly atOnce: number;
  readonly signal: AbortSignal;
}

/** Makes sandboxes and deletes each once it is ready, several at a time. Throws when one does not become ready. */
export async function makeAndDelete(service: Service, { count, atOnce, signal }: Cycles): Promise<void> {
  let left = count;
  const takeOneByOne = async () => {
    while (left > 0) {
      left -= 1;
      signal.throwIfAborted();
      await cycle(service);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, takeOneByOne));
}

/** Connections that were kept open would count as descriptors of the service. */
const headers = { connection: 'close' };

async function cycle(service: Service): Promise<void> {
  const { id, status } = await service.sandbox(
    await service.call('POST', '/v1/sandboxes', { ...headers, prefer: 'wait=120' }, { spec: { runtime: 'process' } }),
  );
  if (status.phase !== 'ready') throw new Error(`${id} is ${status.phase}: ${JSON.stringify(status.failure)}`);
  await service.call('DELETE', `/v1/sandboxes/${id}`, headers);
  await service.deleted(id, headers);
}
