import { invalidField } from '../errors.ts';

/** The programs that Sandplane obtains: kubectl is for the user, the others are components of a sandbox. */
export const componentNames = ['kube-apiserver', 'etcd', 'kube-controller-manager', 'kubectl'] as const;

export interface Versions {
  readonly kubernetesVersion: string;
  readonly etcdVersion: string;
}

/** The versions whose builds are locked by checksums, newest first; the first is the default. */
export const lockedVersions: readonly Versions[] = [
  { kubernetesVersion: '1.37.2', etcdVersion: '3.6.16' },
  { kubernetesVersion: '1.36.3', etcdVersion: '3.6.16' },
  { kubernetesVersion: '1.34.4', etcdVersion: '3.6.16' },
];

export const defaultVersions = lockedVersions[0] as Versions;

// Sandboxes are tested with the oldest and the newest of these.
const offeredMinors = { from: 34, to: 37 };
const offeredEtcd = /^3\.6\.\d{1,3}$/;

/**
 * The exact versions for what a user asked for: an exact version ("1.37.2", with or without "v"), a minor ("1.37": the
 * newest locked one) or "latest". Throws `unsupported_version`, which points to the field and says what is offered.
 */
export function resolveVersions(wanted: { kubernetesVersion?: string; etcdVersion?: string }): Versions {
  const kubernetesVersion = resolveKubernetes(wanted.kubernetesVersion ?? 'latest');
  const fitting =
    lockedVersions.find((versions) => versions.kubernetesVersion === kubernetesVersion) ?? defaultVersions;
  return { kubernetesVersion, etcdVersion: resolveEtcd(wanted.etcdVersion ?? fitting.etcdVersion) };
}

function resolveKubernetes(wanted: string): string {
  if (wanted === 'latest') return defaultVersions.kubernetesVersion;
  const [, exact, minor] = /^v?(1\.(\d{1,3})(?:\.\d{1,3})?)$/.exec(wanted) ?? [];
  const offered = Number(minor) >= offeredMinors.from && Number(minor) <= offeredMinors.to;
  if (exact && offered) {
    if (exact.split('.').length === 3) return exact;
    const newest = lockedVersions.find((versions) => versions.kubernetesVersion.startsWith(`${exact}.`));
    if (newest) return newest.kubernetesVersion;
  }
  const known = lockedVersions.map((versions) => versions.kubernetesVersion).join(', ');
  const range = `1.${offeredMinors.from}.x to 1.${offeredMinors.to}.x`;
  const detail = `${wanted} is not offered. Ask for "latest", for one of ${known}, or for another exact version of ${range}.`;
  throw invalidField('/spec/kubernetesVersion', detail, 'unsupported_version');
}

function resolveEtcd(wanted: string): string {
  const exact = wanted.replace(/^v/, '');
  if (offeredEtcd.test(exact)) return exact;
  const detail = `${wanted} is not offered. Ask for an exact version of 3.6, as ${defaultVersions.etcdVersion}.`;
  throw invalidField('/spec/etcdVersion', detail, 'unsupported_version');
}

/** The reference of a published image. Images of etcd have a build number behind the version. */
export function imageReference(registry: string, name: string, version: string): string {
  return name === 'etcd' ? `${registry}/etcd:${version}-0` : `${registry}/${name}:v${version}`;
}

/**
 * The reference of an image that is made on this host out of the binary with this checksum: services that share a daemon
 * may have different ones of a version.
 */
export function localImageReference(name: string, version: string, sha256: string): string {
  return `sandplane.local/${name}:v${version}-${sha256.slice(0, 12)}`;
}

/** Where the program is in an image, whether published or made here. */
export const pathInImage = (name: string) => `/usr/local/bin/${name}`;
