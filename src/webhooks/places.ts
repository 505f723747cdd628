import { LRUCache } from 'lru-cache';

/**
 * Tries under way in this process. A receiver that is well has few at a time; one that is not, or of which nothing is known
 * yet, has one until it has taken something. Of a project, few may be quick ones; those that take longer make room for
 * others of them, and may be more. Receivers that are not well have places of their own: neither they nor the others
 * keep each other waiting.
 */
const most = { receiver: 4, quick: 8, usual: 20, ailing: 4 };
const slowAfterMs = 1000;
const rememberedReceivers = 10_000;

interface Seeker {
  readonly project: string;
  readonly webhookId: string;
}

type Lane = 'usual' | 'ailing';

/** A place that was taken. */
export interface Place {
  /** The try begins: one that takes long is not a quick one any more. */
  begin(): void;
  /** What came of it. Says how many more places its receiver has from now on. */
  end(hasTaken: boolean): number;
  leave(): void;
}

/** `onSlow`: a try takes long, and leaves its place among the quick ones of its project to another. */
export function createPlaces({ onSlow }: { onSlow: (project: string) => void }) {
  const taken = new Map<string, number>();
  const health = new LRUCache<string, 'well' | 'ailing'>({ max: rememberedReceivers });
  const count = (name: string) => taken.get(name) ?? 0;

  function add(name: string, change: number): void {
    if (count(name) + change > 0) taken.set(name, count(name) + change);
    else taken.delete(name);
  }

  function laneOf(webhookId: string): Lane {
    return health.get(webhookId) === 'ailing' ? 'ailing' : 'usual';
  }

  function hasRoom({ project, webhookId }: Seeker): boolean {
    const lane = laneOf(webhookId);
    return (
      count(`receiver ${webhookId}`) < (health.get(webhookId) === 'well' ? most.receiver : 1) &&
      count(`${lane} ${project}`) < most[lane] &&
      (lane === 'ailing' || count(`quick ${project}`) < most.quick)
    );
  }

  function place({ project, webhookId }: Seeker): Place {
    const lane = laneOf(webhookId);
    const held = new Set([`receiver ${webhookId}`, `${lane} ${project}`]);
    if (lane === 'usual') held.add(`quick ${project}`);
    for (const name of held) add(name, 1);
    let timer: NodeJS.Timeout | undefined;
    const release = (name: string) => {
      if (held.delete(name)) add(name, -1);
    };
    return {
      begin() {
        timer = setTimeout(() => {
          health.set(webhookId, 'ailing');
          release(`quick ${project}`);
          onSlow(project);
        }, slowAfterMs);
      },
      end(hasTaken) {
        clearTimeout(timer);
        const wasWell = health.get(webhookId) === 'well';
        health.set(webhookId, hasTaken ? 'well' : 'ailing');
        return hasTaken && !wasWell ? most.receiver - 1 : 0;
      },
      leave() {
        clearTimeout(timer);
        for (const name of held) release(name);
      },
    };
  }

  return {
    hasRoom,
    laneOf,
    /** Null when there is no room. */
    take: (seeker: Seeker): Place | null => (hasRoom(seeker) ? place(seeker) : null),
  };
}
