import { AppError } from '../errors.ts';
import type { Cache, Cached } from './cache.ts';
import type { ProgressTeller } from './progress.ts';
import type { Source } from './source.ts';

interface FetchOptions {
  readonly cache: Cache;
  /** In the order in which they are tried. */
  readonly sources: readonly Source[];
  readonly progress: ProgressTeller;
}

/** Stores the binary of the first source that has it. Throws `component_unavailable`, which says why none has it. */
export async function fetchBinary(options: FetchOptions, name: string, version: string): Promise<Cached> {
  const { cache, sources, progress } = options;
  const wait = () => progress.teller(name, version, 'build')('another process is preparing it; waiting');
  return await cache.exclusively(name, version, wait, async (workDir) => {
    // Another process may have stored it while this one waited.
    const found = await cache.find(name, version);
    if (found) return found;
    const refusals: string[] = [];
    for (const source of sources) {
      const tell = progress.teller(name, version, source.name);
      const outcome = await source.fetch({ name, version, workDir, tell }).catch((error: Error) => error);
      if (typeof outcome === 'string') {
        const stored = await cache.store(name, version, outcome, source.name);
        await cache.clearWork(name, version);
        tell('ready', 1);
        return stored;
      }
      refusals.push(`  ${source.name}: ${outcome.message}`);
      tell(`not from here: ${outcome.message}`);
    }
    throw unavailable(name, version, refusals);
  });
}

function unavailable(name: string, version: string, refusals: readonly string[]): AppError {
  const lines = [`${name} ${version} could not be had. Tried, in this order:`, ...refusals];
  lines.push('Mend one of these, or put the binary into a folder and set SANDPLANE_COMPONENTS_DIR to it.');
  return new AppError('component_unavailable', lines.join('\n'), { component: name });
}
