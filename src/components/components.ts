import type Docker from 'dockerode';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors.ts';
import type { VersionReport } from '../schemas/version.ts';
import { binaryCache, type Cached } from './cache.ts';
import { imageReference } from './catalog.ts';
import { findImage, findLocalImage, makeLocalImage, pullImage } from './docker-images.ts';
import type { Progress, Source } from './source.ts';
import { buildSource } from './source-build.ts';
import { folderSource } from './source-folder.ts';
import { imageSource } from './source-image.ts';
import { releaseSource } from './source-release.ts';
import { type Attempt, reportVersions } from './version-report.ts';

interface ComponentsOptions {
  readonly config: Config['components'];
  readonly cacheDir: string;
  readonly docker?: Docker;
  readonly logger?: Logger;
  readonly onProgress?: (progress: Progress) => void;
}

const reportKeptMs = 30_000;

/** Gets binaries and images of components: from the cache, else from the first source that has them. */
export function createComponents(options: ComponentsOptions) {
  const { config, docker } = options;
  const cache = binaryCache(options.cacheDir);
  const sources = orderedSources(options);
  const underWay = new Map<string, Promise<Cached | string>>();
  const attempts = new Map<string, Attempt>();
  // Hosts report every few seconds, and the report changes rarely: it is kept for a while, but not while fetching.
  let lastReport: { readonly at: number; readonly versions: VersionReport[] } | null = null;

  /** The absolute path of a verified binary that every user may execute. Throws `component_unavailable`. */
  async function binary(name: string, version: string, signal?: AbortSignal): Promise<string> {
    return (await cached(name, version, signal)).file;
  }

  async function cached(name: string, version: string, signal?: AbortSignal): Promise<Cached> {
    const found = await cache.find(name, version);
    if (found) return found;
    return (await shared(`binary ${name} ${version}`, () => fetchBinary(name, version), signal)) as Cached;
  }

  /** The reference of an image that the Docker daemon has. Throws `component_unavailable`, `runtime_unavailable`. */
  async function image(name: string, version: string, signal?: AbortSignal): Promise<string> {
    return (await shared(`image ${name} ${version}`, () => obtainImage(name, version), signal)) as string;
  }

  /** The published image when the daemon has it or can pull it; else an image that is made here out of the binary. */
  async function obtainImage(name: string, version: string): Promise<string> {
    if (!docker) throw new AppError('runtime_unavailable', 'No Docker daemon answers.');
    const upstream = imageReference(config.imageRegistry, name, version);
    if (await findImage(docker, upstream)) return upstream;
    const before = await cache.find(name, version);
    if (before) return await localImage(docker, name, version, before);
    const signal = new AbortController().signal;
    const tell = teller(name, version, 'image');
    const reason = config.sources.includes('image')
      ? await pullImage(docker, upstream, { name, version, workDir: '', signal, tell }).then(
          () => null,
          (error: Error) => error,
        )
      : new Error('not among SANDPLANE_COMPONENT_SOURCES');
    if (!reason) return upstream;
    return await localImage(docker, name, version, await cached(name, version));
  }

  async function localImage(daemon: Docker, name: string, version: string, from: Cached): Promise<string> {
    const found = await findLocalImage(daemon, name, version, from.sha256);
    if (found) return found;
    teller(name, version, 'image')('making an image out of the binary');
    return await makeLocalImage(daemon, { name, version, ...from }, new AbortController().signal);
  }

  async function fetchBinary(name: string, version: string): Promise<Cached> {
    const wait = () => teller(name, version, 'build')('another process is preparing it; waiting');
    return await cache.exclusively(name, version, wait, async (workDir) => {
      // Another process may have stored it while this one waited.
      const found = await cache.find(name, version);
      if (found) return found;
      const refusals: string[] = [];
      for (const source of sources) {
        const tell = teller(name, version, source.name);
        const signal = new AbortController().signal;
        const outcome = await source.fetch({ name, version, workDir, signal, tell }).catch((error: Error) => error);
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

  /**
   * Callers that want the same thing share one fetch. A caller whose signal aborts stops waiting; the fetch goes on.
   */
  async function shared(
    key: string,
    work: () => Promise<Cached | string>,
    signal?: AbortSignal,
  ): Promise<Cached | string> {
    const known = underWay.get(key);
    const running = known ?? track(key, work);
    if (!signal) return await running;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    return await Promise.race([running, aborted.promise]).finally(() => signal.removeEventListener('abort', onAbort));
  }

  function track(key: string, work: () => Promise<Cached | string>): Promise<Cached | string> {
    const attempt = key.slice(key.indexOf(' ') + 1);
    const running = work().then(
      (outcome) => {
        attempts.delete(attempt);
        return outcome;
      },
      (error: Error) => {
        attempts.set(attempt, { progress: null, failure: error.message });
        throw error;
      },
    );
    underWay.set(key, running);
    const done = () => underWay.delete(key);
    running.then(done, done);
    return running;
  }

  function teller(name: string, version: string, source: Progress['source']) {
    return (message: string, fraction?: number): void => {
      attempts.set(`${name} ${version}`, { progress: `${source}: ${message}`, failure: null });
      options.onProgress?.({ component: name, version, source, message, fraction: fraction ?? null });
      options.logger?.info({ component: name, version, source }, message);
    };
  }

  /** What is ready on this host, what can be obtained, and from which source. */
  async function versions(): Promise<VersionReport[]> {
    const settled = underWay.size === 0;
    if (settled && lastReport && performance.now() - lastReport.at < reportKeptMs) return lastReport.versions;
    const found = await reportVersions({ cache, config, attempts, ...(docker ? { docker } : {}) });
    lastReport = settled ? { at: performance.now(), versions: found } : null;
    return found;
  }

  return { binary, image, versions };
}

function orderedSources({ config, docker }: ComponentsOptions): Source[] {
  const all = {
    folder: folderSource(config.folder),
    image: imageSource(docker, config.imageRegistry),
    release: releaseSource({ kubernetes: config.kubernetesReleaseUrl, etcd: config.etcdReleaseUrl }),
    build: buildSource(),
  };
  return config.sources.map((name) => all[name]);
}

function unavailable(name: string, version: string, refusals: readonly string[]): AppError {
  const lines = [`${name} ${version} could not be had. Tried, in this order:`, ...refusals];
  lines.push('Mend one of these, or put the binary into a folder and set SANDPLANE_COMPONENTS_DIR to it.');
  return new AppError('component_unavailable', lines.join('\n'), { component: name });
}
