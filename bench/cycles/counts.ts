/** How many there are of each kind. */
export type Counts = ReadonlyMap<string, number>;

/** Names that differ only in the id of a sandbox, a UUID or the like are of one kind. */
export function countByKind(names: readonly string[]): Counts {
  const counts = new Map<string, number>();
  for (const name of names) add(counts, kindOf(name), 1);
  return counts;
}

export function kindOf(name: string): string {
  return name.replace(/sb-[a-z0-9]{20}/g, '<sandbox>').replace(/[0-9a-f]{8}-[0-9a-f-]{27}|\d{6,}/g, '<id>');
}

export function add(counts: Map<string, number>, kind: string, count: number): void {
  counts.set(kind, (counts.get(kind) ?? 0) + count);
}

/** Of each kind the lesser count. */
export function leastOf(one: Counts, other: Counts): Counts {
  return new Map([...one].map(([kind, count]) => [kind, Math.min(count, other.get(kind) ?? 0)]));
}

export function total(counts: Counts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** The kinds of which there are more than before, with how many more. */
export function grown(before: Counts, now: Counts): [string, number][] {
  return [...now]
    .map(([kind, count]): [string, number] => [kind, count - (before.get(kind) ?? 0)])
    .filter(([, more]) => more > 0);
}
