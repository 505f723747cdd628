import type { Logger } from 'pino';
import type { SandboxQueues } from '../queue/sandbox-queues.ts';
import { withLostHost } from './api-server-condition.ts';
import type { Why } from './history.ts';
import type { Hosts } from './hosts.ts';
import { type SandboxRecord, toDeleting } from './record.ts';
import type { Store } from './store.ts';

export type Deletion = ReturnType<typeof createDeletion>;

interface DeletionOptions {
  readonly store: Store;
  readonly queues: SandboxQueues;
  readonly hosts: Pick<Hosts, 'isServed'>;
  readonly logger: Logger;
}

interface RequestOptions {
  /** May throw to leave the sandbox as it is. */
  readonly check?: (record: SandboxRecord) => void;
  /** Do not wait for a host that no worker serves. */
  readonly force?: boolean;
}

/** How a sandbox is deleted: marked first, then by the host that it is on, or at once when no host has taken it. */
export function createDeletion({ store, queues, hosts, logger }: DeletionOptions) {
  /**
   * Marks a sandbox as to be deleted, and has it deleted. Resolves once it is marked: what goes wrong after that is done by
   * the next sweep. Returns it as it is then. Null when there is no such sandbox.
   */
  async function request(id: string, why: Why, { check = () => undefined, force = false }: RequestOptions = {}) {
    const change = (record: SandboxRecord) => {
      check(record);
      return record.desired === 'deleted' ? null : toDeleting(record);
    };
    const marked = await store.update(id, change, { why });
    if (marked?.desired !== 'deleted') return marked;
    const { host } = marked.sandbox.status;
    if (force && host !== null && !(await hosts.isServed(host))) return await giveUp(marked, host);
    await carryOut(marked).catch((error: unknown) => {
      logger.warn({ sandboxId: id, err: error }, 'deletion not begun, the sweep will find it');
    });
    return marked;
  }

  /** Has a marked sandbox deleted. No host takes one that is marked: one without a host is nothing but its record. */
  async function carryOut({ sandbox }: SandboxRecord): Promise<void> {
    const { host, runtime } = sandbox.status;
    if (host !== null) return await queues.addDelete(host, sandbox);
    await queues.removeStart(runtime, sandbox.id);
    await store.remove(sandbox);
  }

  /** Removes the record of a sandbox whose host nobody reaches: the sweep of that host removes the rest when it is back. */
  async function giveUp(marked: SandboxRecord, host: string): Promise<SandboxRecord> {
    const { id } = marked.sandbox;
    const message = `what runs on the host ${host} and its files may be left there until a worker serves it again`;
    const last = await store.update(id, (record) => withLostHost(record, message));
    // The host came back meanwhile, and has deleted it.
    if (!last) return marked;
    const sandbox = await store.remove(last.sandbox, { reason: 'Forced', message });
    // A job without a record does nothing.
    await queues.removeWork(host, id).catch((error: unknown) => logger.warn({ sandboxId: id, err: error }, 'job kept'));
    logger.warn({ sandboxId: id, host }, 'record removed by force, what is left on the host is not known');
    return { ...last, sandbox };
  }

  return { request, carryOut };
}
