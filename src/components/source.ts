import type { ComponentSource } from '../config/component-settings.ts';

/** A component to obtain, and where to put it. */
export interface Wanted {
  readonly name: string;
  /** Without a leading `v`. */
  readonly version: string;
  /** A folder for this component alone. It stays after a failure, so that a later try can go on from there. */
  readonly workDir: string;
  /** Tells people what is being done, and how much of it is done (0 to 1), where that is known. */
  readonly tell: (message: string, fraction?: number) => void;
}

/** One way to obtain a binary. */
export interface Source {
  readonly name: ComponentSource;
  /** Returns the path of a complete and verified file in `workDir`. Throws an Error that says why it has none. */
  readonly fetch: (wanted: Wanted) => Promise<string>;
}

export interface Progress {
  readonly component: string;
  readonly version: string;
  readonly source: ComponentSource;
  readonly message: string;
  readonly fraction: number | null;
}

/** Operating system and architecture of this machine, as Go and release hosts name them. */
export function platform(): { os: string; arch: string } {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  return { os: process.platform, arch };
}
