import Type from 'typebox';
import { nullable, stringEnum, text } from './common.ts';

const ComponentReport = Type.Object(
  {
    name: text('the component', 'kube-apiserver'),
    version: text('its version', '1.37.2'),
    state: stringEnum(['ready', 'available', 'preparing', 'failed'] as const, {
      title: 'ComponentState',
      description:
        'ready: the default runtime of the host can start it at once; available: is fetched, built or converted when first asked for',
      examples: ['ready'],
    }),
    readyAs: Type.Array(
      stringEnum(['binary', 'image'] as const, {
        title: 'ComponentForm',
        description: 'what a component is run from',
        examples: ['binary'],
      }),
      {
        description: 'in which forms',
        examples: [['binary']],
      },
    ),
    obtainableFrom: Type.Array(Type.String(), {
      description: 'sources it can be had from',
      examples: [['release', 'build']],
    }),
    progress: nullable(Type.String(), { description: 'what is being done, while preparing', examples: [null] }),
    failure: nullable(Type.String(), { description: 'why the last try failed', examples: [null] }),
  },
  { title: 'ComponentReport', description: 'a component on a host, and how it can be had' },
);

export const VersionReport = Type.Object(
  {
    kubernetesVersion: text('an exact version', '1.37.2'),
    etcdVersion: text('the etcd that fits', '3.6.16'),
    default: Type.Boolean({ description: 'what "latest" means', examples: [true] }),
    components: Type.Array(ComponentReport, { description: 'its components on this host' }),
  },
  { title: 'VersionReport', description: 'a Kubernetes version and how it can be had' },
);
export type VersionReport = Type.Static<typeof VersionReport>;

export const VersionList = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          host: text('the host that tells', 'worker-1'),
          runtimes: Type.Array(Type.String(), { description: 'runtimes it offers', examples: [['process']] }),
          defaultRuntime: text('what it takes when none is asked for', 'process'),
          versions: Type.Array(VersionReport, { description: 'newest first' }),
        },
        { title: 'HostVersions', description: 'what one host can run' },
      ),
      { description: 'the hosts whose workers are alive' },
    ),
  },
  { $id: 'VersionList', title: 'VersionList', description: 'versions by host' },
);
