import type { StoredKey } from '../tenancy/principal.ts';
import type { Why } from './history.ts';

/** Who asks, and in which project. */
export interface Caller {
  readonly project: string;
  /** As told in the history. */
  readonly subject: string;
  /** The key that the caller was authenticated by: a create checks that it is valid still. */
  readonly key?: StoredKey | null;
}

export function requestedBy({ subject }: Caller): Why {
  return { reason: 'Requested', message: `by ${subject}` };
}
