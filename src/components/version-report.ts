import type Docker from 'dockerode';
import type { Config } from '../config/config.ts';
import { call } from '../docker/calls.ts';
import type { VersionReport } from '../schemas/version.ts';
import type { Cache } from './cache.ts';
import { defaultVersions, imageReference, localImageReference, lockedVersions } from './catalog.ts';
import type { Attempt } from './progress.ts';

/** A host that does not report in time counts as dead: one of its daemons may be. */
const quickMs = 2000;

interface ReportOptions {
  readonly cache: Cache;
  readonly config: Config['components'];
  readonly docker?: Docker;
  readonly form: 'binary' | 'image';
  /** By `<name> <version>`. */
  readonly attempts: ReadonlyMap<string, Attempt>;
}

interface Known extends ReportOptions {
  readonly images: ReadonlySet<string>;
}

type ComponentReport = VersionReport['components'][number];

/** The locked versions and whatever else is in the cache, newest first, with the state of each component. */
export async function reportVersions(options: ReportOptions): Promise<VersionReport[]> {
  const known = new Set([
    ...lockedVersions.map(({ kubernetesVersion }) => kubernetesVersion),
    ...(await options.cache.versionsOf('kube-apiserver')),
  ]);
  const newestFirst = [...known].sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  const images = await imagesOn(options.docker);
  return await Promise.all(newestFirst.map((version) => reportVersion({ ...options, images }, version)));
}

async function reportVersion(options: Known, kubernetesVersion: string): Promise<VersionReport> {
  const locked = lockedVersions.find((versions) => versions.kubernetesVersion === kubernetesVersion);
  const { etcdVersion } = locked ?? defaultVersions;
  const wanted = [
    ['kube-apiserver', kubernetesVersion],
    ['etcd', etcdVersion],
    ['kube-controller-manager', kubernetesVersion],
    ['kubectl', kubernetesVersion],
  ] as const;
  return {
    kubernetesVersion,
    etcdVersion,
    default: kubernetesVersion === defaultVersions.kubernetesVersion,
    components: await Promise.all(wanted.map(([name, version]) => reportComponent(options, name, version))),
  };
}

async function reportComponent(
  { cache, config, images, form, attempts }: Known,
  name: string,
  version: string,
): Promise<ComponentReport> {
  const attempt = attempts.get(`${name} ${version}`);
  const readyAs: ComponentReport['readyAs'] = [];
  const cached = await cache.find(name, version);
  if (cached) readyAs.push('binary');
  const published = imageReference(config.imageRegistry, name, version);
  const made = cached && localImageReference(name, version, cached.sha256);
  if (images.has(published) || (made && images.has(made))) readyAs.push('image');
  // In another form it may be of use, or not: that is found out when it is asked for.
  const isReady = readyAs.includes(name === 'kubectl' ? 'binary' : form);
  const pending = attempt?.failure ? 'failed' : attempt?.progress ? 'preparing' : 'available';
  return {
    name,
    version,
    state: isReady ? 'ready' : pending,
    readyAs,
    obtainableFrom: [...config.sources],
    progress: isReady ? null : (attempt?.progress ?? null),
    failure: attempt?.failure ?? null,
  };
}

/** The references of all images on the daemon, by one request. */
async function imagesOn(docker: Docker | undefined): Promise<ReadonlySet<string>> {
  // The report is of what can be used now: a daemon that does not answer has no image for it.
  const images = docker ? await call(docker.listImages(), quickMs).catch(() => []) : [];
  return new Set(images.flatMap((image) => image.RepoTags ?? []));
}
