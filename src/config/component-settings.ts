import { folderFaults } from './files.ts';
import { text } from './kinds.ts';
import { optional, setting } from './setting.ts';
import { baseUrlFaults, registryFaults } from './urls.ts';

const componentSources = ['folder', 'image', 'release', 'build'] as const;
export type ComponentSource = (typeof componentSources)[number];

/** Where etcd and kube-apiserver come from. */
export const componentSettings = {
  sources: setting(
    'SANDPLANE_COMPONENT_SOURCES',
    text('where components come from, tried in this order after the cache', componentSources.join(',')),
    { read: (names) => names.split(',') as ComponentSource[], faults: sourcesFaults },
  ),
  folder: optional('SANDPLANE_COMPONENTS_DIR', text('a folder with kube-apiserver and etcd binaries of your own'), {
    faults: folderFaults,
    usedBy: ['worker'],
  }),
  imageRegistry: setting('SANDPLANE_IMAGE_REGISTRY', text('the registry of the component images', 'registry.k8s.io'), {
    faults: registryFaults,
  }),
  kubernetesReleaseUrl: setting(
    'SANDPLANE_KUBERNETES_RELEASE_URL',
    text('base URL of Kubernetes releases', 'https://dl.k8s.io'),
    { read: withoutSlash, faults: baseUrlFaults },
  ),
  etcdReleaseUrl: setting(
    'SANDPLANE_ETCD_RELEASE_URL',
    text('base URL of etcd releases', 'https://github.com/etcd-io/etcd/releases/download'),
    { read: withoutSlash, faults: baseUrlFaults },
  ),
};

function sourcesFaults(names: string): string[] {
  const known: readonly string[] = componentSources;
  if (names.split(',').every((name) => known.includes(name))) return [];
  return [`must be one or several of ${componentSources.join(', ')}, separated by commas`];
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
