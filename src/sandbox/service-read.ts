import type { SandboxQueues } from '../queue/sandbox-queues.ts';
import { parseCursor, toCursor } from '../resources/paging.ts';
import type { Phase, Sandbox } from '../schemas/sandbox.ts';
import { findSandbox, notFound } from './find.ts';
import { matchesLabels, parseSelectors } from './selector.ts';
import type { Store } from './store.ts';
import { type StoredText, toText } from './store-read.ts';

export interface ReadOptions {
  readonly store: Store;
  readonly queues: SandboxQueues;
}

interface ListQuery {
  readonly limit: number;
  readonly cursor?: string;
  readonly phase?: Phase;
  readonly label?: readonly string[];
}

interface SandboxPage {
  readonly items: Sandbox[];
  readonly nextCursor: string | null;
  /** Where a watch goes on from this page without a gap. */
  readonly since: string;
}

const maxPagesRead = 20;

export function createServiceReads({ store, queues }: ReadOptions) {
  /** The position in the queue changes without a change of the record: it is asked for. */
  async function withPosition(sandbox: Sandbox): Promise<Sandbox> {
    const { id, status } = sandbox;
    if (status.phase !== 'pending') return sandbox;
    const [queuePosition = null] = await queues.startPositions(status.runtime, [id]);
    return { ...sandbox, status: { ...status, queuePosition } };
  }

  async function get(project: string, id: string): Promise<Sandbox> {
    return await withPosition(await findSandbox(store, project, id));
  }

  return {
    get,

    /** As `get`, as the JSON that is stored. */
    async getText(project: string, id: string): Promise<StoredText> {
      const found = await store.readText(project, id);
      if (!found) throw notFound(id);
      return found.text.includes('"phase":"pending"') ? toText(await get(project, id)) : found;
    },

    async list(project: string, { limit, cursor, phase, label = [] }: ListQuery): Promise<SandboxPage> {
      const wanted = parseSelectors(label);
      const matches = ({ status, labels }: Sandbox) =>
        (phase === undefined || status.phase === phase) && matchesLabels(labels, wanted);
      const items: Sandbox[] = [];
      const since = await store.lastEventId(project);
      let position = parseCursor(cursor);
      // Filters thin out a page: go on until it is full, for a bounded number of reads.
      for (let reads = 0; reads < maxPagesRead; reads += 1) {
        const page = await store.page(project, limit - items.length, position);
        items.push(...(await store.readMany(project, page.members)).filter(matches));
        position = page.next;
        if (!position || items.length >= limit) break;
      }
      return { items: await Promise.all(items.map(withPosition)), nextCursor: toCursor(position), since };
    },
  };
}
