/** Tries under way in this process. One receiver has few at a time, and one project with many receivers not many more. */
const most = { receiver: 4, project: 8 };

interface Seeker {
  readonly project: string;
  readonly webhookId: string;
}

export function createPlaces() {
  const taken = new Map<string, number>();
  const count = (name: string) => taken.get(name) ?? 0;

  function add(name: string, change: number): void {
    if (count(name) + change > 0) taken.set(name, count(name) + change);
    else taken.delete(name);
  }

  function hasRoom({ project, webhookId }: Seeker): boolean {
    return count(webhookId) < most.receiver && count(project) < most.project;
  }

  return {
    hasRoom,
    /** False when there is no room. */
    take(seeker: Seeker): boolean {
      if (!hasRoom(seeker)) return false;
      for (const name of [seeker.project, seeker.webhookId]) add(name, 1);
      return true;
    },
    leave(seeker: Seeker): void {
      for (const name of [seeker.project, seeker.webhookId]) add(name, -1);
    },
  };
}
