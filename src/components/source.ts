import type { ComponentSource } from '../config/settings.ts';

/** What is wanted, and where to put it. */
export interface Wanted {
  readonly name: string;
  /** Without a leading `v`. */
  readonly version: string;
  /** A folder of the cache for this component alone; what is begun there may be resumed by a later try. */
  readonly workDir: string;
  readonly signal: AbortSignal;
  /** For people, and how much is done, 0 to 1, where that is known. */
  readonly tell: (message: string, fraction?: number) => void;
}

/** One way to get a binary. */
export interface Source {
  readonly name: ComponentSource;
  /** Returns the path of a verified, complete file in `workDir`. Throws an Error that says why it could not be had. */
  readonly fetch: (wanted: Wanted) => Promise<string>;
}

export interface Progress {
  readonly component: string;
  readonly version: string;
  readonly source: ComponentSource;
  readonly message: string;
  readonly fraction: number | null;
}

/** The names that Go, release hosts and image registries have for this machine. */
export function platform(): { os: string; arch: string } {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  return { os: process.platform, arch };
}
