import type { Logger } from 'pino';
import type { SandboxQueues } from '../queue/sandbox-queues.ts';
import type { Why } from './history.ts';
import { type SandboxRecord, toDeleting } from './record.ts';
import type { Store } from './store.ts';

export type Deletion = ReturnType<typeof createDeletion>;

/** How a sandbox is deleted: marked first, then by the host that it is on, or at once when no host has taken it. */
export function createDeletion({ store, queues, logger }: { store: Store; queues: SandboxQueues; logger: Logger }) {
  /**
   * Marks a sandbox as to be deleted, and has it deleted. Resolves once it is marked: what goes wrong after that is done by
   * the next sweep. `check` may throw to leave the sandbox as it is. Null when there is no such sandbox.
   */
  async function request(id: string, why: Why, check: (record: SandboxRecord) => void = () => undefined) {
    const change = (record: SandboxRecord) => {
      check(record);
      return record.desired === 'deleted' ? null : toDeleting(record);
    };
    const marked = await store.update(id, change, { why });
    if (marked?.desired === 'deleted') {
      await carryOut(marked).catch((error: unknown) => {
        logger.warn({ sandboxId: id, err: error }, 'deletion not begun, the sweep will find it');
      });
    }
    return marked;
  }

  /** Has a marked sandbox deleted. No host takes one that is marked: one without a host is nothing but its record. */
  async function carryOut({ sandbox }: SandboxRecord): Promise<void> {
    const { host, runtime } = sandbox.status;
    if (host !== null) return await queues.addDelete(host, sandbox);
    await queues.removeStart(runtime, sandbox.id);
    await store.remove(sandbox);
  }

  return { request, carryOut };
}
