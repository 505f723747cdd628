import type { Logger } from 'pino';
import type { Progress } from './source.ts';

/** A component that is not ready yet: what is being done for it now, or why the last try failed. */
export interface Attempt {
  readonly progress: string | null;
  readonly failure: string | null;
}

export interface ProgressOptions {
  readonly logger?: Logger;
  readonly onProgress?: (progress: Progress) => void;
}

export type ProgressTeller = ReturnType<typeof createProgress>;

/** Tells what is done to obtain components: to people, to the log, and to the report of what this host can run. */
export function createProgress({ logger, onProgress }: ProgressOptions) {
  /** By `<name> <version>`. */
  const attempts = new Map<string, Attempt>();

  function teller(name: string, version: string, source: Progress['source']) {
    return (message: string, fraction?: number): void => {
      attempts.set(`${name} ${version}`, { progress: `${source}: ${message}`, failure: null });
      onProgress?.({ component: name, version, source, message, fraction: fraction ?? null });
      logger?.info({ component: name, version, source }, message);
    };
  }

  /** Does the work. When it fails, its reason is kept for the report until the next try. */
  async function track<Result>(name: string, version: string, work: () => Promise<Result>): Promise<Result> {
    const component = `${name} ${version}`;
    try {
      const result = await work();
      attempts.delete(component);
      return result;
    } catch (error) {
      attempts.set(component, { progress: null, failure: (error as Error).message });
      throw error;
    }
  }

  return { attempts, teller, track };
}
