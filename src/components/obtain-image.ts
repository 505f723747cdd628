import type Docker from 'dockerode';
import type { Config } from '../config/config.ts';
import { call, statusOf } from '../docker/calls.ts';
import { AppError, isAppError } from '../errors.ts';
import type { Cache, Cached } from './cache.ts';
import { imageReference } from './catalog.ts';
import { findImage, findLocalImage, makeLocalImage, pullImage } from './docker-images.ts';
import type { ProgressTeller } from './progress.ts';

interface ImageOptions {
  readonly config: Config['components'];
  readonly docker: Docker | undefined;
  readonly cache: Cache;
  readonly progress: ProgressTeller;
  /** The binary, from wherever it can be had. */
  readonly binary: (name: string, version: string) => Promise<Cached>;
}

/**
 * The reference of the published image when the daemon has it or can pull it; else of an image that is made here out of the
 * binary. Throws `component_unavailable`, `runtime_unavailable`, `runtime_refused`.
 */
export async function obtainImage(options: ImageOptions, name: string, version: string): Promise<string> {
  const { config, docker, cache, progress, binary } = options;
  if (!docker) throw new AppError('runtime_unavailable', 'No Docker daemon answers.');
  const tell = progress.teller(name, version, 'image');
  const published = imageReference(config.imageRegistry, name, version);
  if (await findImage(docker, published)) return published;
  const before = await cache.find(name, version);
  const mayPull = !before && config.sources.includes('image');
  if (mayPull && (await canPull(docker, published, tell))) return published;
  const from = before ?? (await binary(name, version));
  const found = await findLocalImage(docker, name, version, from.sha256);
  if (found) return found;
  tell('making an image out of the binary');
  return await makeLocalImage(docker, { name, version, ...from });
}

async function canPull(docker: Docker, reference: string, tell: (message: string) => void): Promise<boolean> {
  try {
    await pullImage(docker, reference, tell);
    return true;
  } catch (error) {
    // A registry that does not answer keeps the daemon from answering as well.
    if (isAppError(error, 'runtime_unavailable') && statusOf(error) === undefined) await call(docker.ping(), 2000);
    // The daemon is there, and cannot pull. The binary is obtained next. When no source has it, the user is told why each of
    // them failed, pulling included.
    return false;
  }
}
