import { AppError } from '../errors.ts';
import type { EventReader } from './event-reader.ts';

/** How many watches may be open in this process. */
export interface WatchLimits {
  readonly project: number;
  readonly all: number;
}

/** Counts the open watches, and gives those of one project a reader in common. */
export function createWatchers(limits: WatchLimits, openReader: (project: string) => EventReader) {
  const projects = new Map<string, { readonly reader: EventReader; watchers: number }>();
  let all = 0;

  /** Counts a watch until `leave` is called or `signal` aborts. Throws `too_many_watchers`. */
  return function join(project: string, signal: AbortSignal): { reader: EventReader; leave: () => void } {
    const watchers = projects.get(project)?.watchers ?? 0;
    if (watchers >= limits.project) throw tooMany(`of the project ${project}`, limits.project, watchers);
    if (all >= limits.all) throw tooMany('of this service', limits.all, all);
    const joined = projects.get(project) ?? { reader: openReader(project), watchers };
    projects.set(project, joined);
    joined.watchers += 1;
    all += 1;
    let hasLeft = false;
    const leave = () => {
      if (hasLeft) return;
      hasLeft = true;
      signal.removeEventListener('abort', leave);
      all -= 1;
      joined.watchers -= 1;
      if (joined.watchers > 0) return;
      joined.reader.close();
      projects.delete(project);
    };
    signal.addEventListener('abort', leave);
    return { reader: joined.reader, leave };
  };
}

function tooMany(whose: string, value: number, used: number): AppError {
  const detail = `${used} watches ${whose} are open here; ${value} are allowed. Close some.`;
  return new AppError('too_many_watchers', detail, {
    limit: { name: 'watchers', value, used },
    retryAfterSeconds: 10,
  });
}
