import { LRUCache } from 'lru-cache';

/**
 * Tries under way in this process. A receiver that is well has few at a time; one that is not, or of which nothing is known
 * yet, has one until it has taken something. A project with many receivers has not many more. Tries that take long, and
 * those of receivers that are not well, have places of their own: they do not keep the others of their project waiting. A
 * try may go on that long after its start, so that there can be more slow ones than may start.
 */
const most = { receiver: 4, quick: 8, slow: 4, project: 24 };
const slowAfterMs = 1000;
const rememberedReceivers = 10_000;

interface Seeker {
  readonly project: string;
  readonly webhookId: string;
}

type Lane = 'quick' | 'slow';

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
    return health.get(webhookId) === 'ailing' ? 'slow' : 'quick';
  }

  function hasRoom({ project, webhookId }: Seeker): boolean {
    const lane = laneOf(webhookId);
    return (
      count(`receiver ${webhookId}`) < (health.get(webhookId) === 'well' ? most.receiver : 1) &&
      count(`${lane} ${project}`) < most[lane] &&
      count(`project ${project}`) < most.project
    );
  }

  return {
    hasRoom,
    laneOf,
    /** What gives the place back, or null when there is no room. */
    take({ project, webhookId }: Seeker): (() => void) | null {
      if (!hasRoom({ project, webhookId })) return null;
      let lane = laneOf(webhookId);
      const names = [`receiver ${webhookId}`, `project ${project}`];
      for (const name of [...names, `${lane} ${project}`]) add(name, 1);
      const timer = setTimeout(() => {
        health.set(webhookId, 'ailing');
        if (lane === 'slow') return;
        add(`quick ${project}`, -1);
        lane = 'slow';
        add(`slow ${project}`, 1);
        onSlow(project);
      }, slowAfterMs);
      return () => {
        clearTimeout(timer);
        for (const name of [...names, `${lane} ${project}`]) add(name, -1);
      };
    },
    /** What came of a try. Says how many more places its receiver has from now on. */
    note({ webhookId }: Seeker, hasTaken: boolean): number {
      const wasWell = health.get(webhookId) === 'well';
      health.set(webhookId, hasTaken ? 'well' : 'ailing');
      return hasTaken && !wasWell ? most.receiver - 1 : 0;
    },
  };
}
