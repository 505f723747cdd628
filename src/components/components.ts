import type Docker from 'dockerode';
import type { Config } from '../config/config.ts';
import type { VersionReport } from '../schemas/version.ts';
import { binaryCache, type Cached } from './cache.ts';
import { fetchBinary } from './fetch-binary.ts';
import { obtainImage } from './obtain-image.ts';
import { createProgress, type ProgressOptions } from './progress.ts';
import { createSharedWork } from './shared-work.ts';
import type { Source } from './source.ts';
import { buildSource } from './source-build.ts';
import { folderSource } from './source-folder.ts';
import { imageSource } from './source-image.ts';
import { releaseSource } from './source-release.ts';
import { reportVersions } from './version-report.ts';

interface ComponentsOptions extends ProgressOptions {
  readonly config: Config['components'];
  readonly cacheDir: string;
  readonly docker?: Docker;
  /** What the runtime needs of a component that sandboxes get which name none. */
  readonly form?: 'binary' | 'image';
}

const reportKeptMs = 30_000;

/** Gets binaries and images of components: from the cache, else from the first source that has them. */
export function createComponents(options: ComponentsOptions) {
  const { config, docker, form = 'binary' } = options;
  const cache = binaryCache(options.cacheDir);
  const sources = orderedSources(options);
  const progress = createProgress(options);
  const binaries = createSharedWork<Cached>();
  const images = createSharedWork<string>();
  // Hosts report every few seconds, and the report changes rarely: it is kept for a while, but not while fetching.
  let lastReport: { readonly at: number; readonly versions: VersionReport[] } | null = null;

  /** The absolute path of a verified binary that every user may execute. Throws `component_unavailable`. */
  async function binary(name: string, version: string, signal?: AbortSignal): Promise<string> {
    return (await cached(name, version, signal)).file;
  }

  async function cached(name: string, version: string, signal?: AbortSignal): Promise<Cached> {
    const found = await cache.find(name, version);
    if (found) return found;
    const work = () => fetchBinary({ cache, sources, progress }, name, version);
    return await binaries.share(`${name} ${version}`, () => progress.track(name, version, work), signal);
  }

  /** The reference of an image that the Docker daemon has. Throws `component_unavailable`, `runtime_unavailable`. */
  async function image(name: string, version: string, signal?: AbortSignal): Promise<string> {
    const work = () => obtainImage({ config, docker, cache, progress, binary: cached }, name, version);
    return await images.share(`${name} ${version}`, () => progress.track(name, version, work), signal);
  }

  /** What is ready on this host, what can be obtained, and from which source. */
  async function versions(): Promise<VersionReport[]> {
    const isSettled = binaries.isIdle() && images.isIdle();
    if (isSettled && lastReport && performance.now() - lastReport.at < reportKeptMs) return lastReport.versions;
    const found = await reportVersions({
      cache,
      config,
      form,
      attempts: progress.attempts,
      ...(docker ? { docker } : {}),
    });
    lastReport = isSettled ? { at: performance.now(), versions: found } : null;
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
