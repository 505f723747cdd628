import type { Random } from './random.ts';

/** Something on the machine that belongs to a sandbox, or to all of them. */
export interface Thing {
  /** Empty for what belongs to all, as their network. */
  readonly sandboxId: string;
  /** `component` is one that runs; others are `folder`, `container`, `volume`, `network`, `port`, `Redis key` and so on. */
  readonly kind: string;
  readonly name: string;
}

/** Tells what it hit, in words and by the sandbox where there is one; null when there was nothing to hit. */
export type Strike = (random: Random) => Promise<Hit | null>;
export interface Hit {
  readonly what: string;
  readonly sandboxId?: string;
  /** The sandbox's data is gone for good. */
  readonly takesData?: boolean;
  /** Ports that others listen on now. */
  readonly takenPorts?: readonly number[];
}

/** Where the sandboxes of a runtime are looked at and hurt: past the service, as anybody on the machine could. */
export interface Machine {
  /** What the environment of the service needs for it. */
  readonly env: Readonly<Record<string, string>>;
  things(): Promise<Thing[]>;
  readonly faults: Readonly<Record<string, readonly [weight: number, Strike]>>;
  /** Takes back what a fault has left: lets what stands still go on. */
  heal(): Promise<void>;
  /** At the end: removes what `npm run stop-all` has left behind, and closes what was opened for the run. */
  clear(): Promise<void>;
}
