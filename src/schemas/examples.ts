import type { Static } from 'typebox';
import type { HistoryEntry } from './history.ts';
import type { Sandbox } from './sandbox.ts';
import type { VersionList } from './version.ts';
import type { WatchEvent } from './watch.ts';

/** The examples in the OpenAPI document are whole resources, with times of one day. */
export const at = (time: string) => `2026-11-23T${time}Z`;
const condition = (type: 'ComponentsReady' | 'EtcdReady' | 'ApiServerReady', reason: string, time: string) =>
  ({ type, status: 'true', reason, message: '', lastTransitionTime: at(time) }) as const;

export const exampleCursor = 'MTc2MzkwMDAwMDAwMDpzYi00azJ4OXE3bTN2OHQxYzZ6MHc1eQ';
export const exampleEventId = '1763900000000-0';

export const exampleSandbox: Sandbox = {
  id: 'sb-4k2x9q7m3v8t1c6z0w5y',
  name: 'demo',
  project: 'team-a',
  labels: { team: 'ci' },
  spec: {
    kubernetesVersion: '1.37',
    runtime: 'process',
    durability: 'ephemeral',
    ttlSeconds: 3600,
    apiServer: { extraArgs: { 'max-requests-inflight': '800' }, featureGates: {}, runtimeConfig: {} },
    etcd: { extraArgs: {} },
  },
  status: {
    phase: 'ready',
    conditions: [
      condition('ComponentsReady', 'Available', '12:00:00.004'),
      condition('EtcdReady', 'Accepting', '12:00:00.099'),
      condition('ApiServerReady', 'WriteAccepted', '12:00:01.130'),
    ],
    endpoint: 'https://127.0.0.1:20001',
    kubernetesVersion: '1.37.2',
    etcdVersion: '3.6.16',
    runtime: 'process',
    host: 'worker-1',
    restarts: 0,
    queuePosition: null,
    timings: { queuedMs: 3, componentsMs: 0, etcdMs: 95, apiServerMs: 1010, firstWriteMs: 12, totalMs: 1130 },
    failure: null,
  },
  resourceVersion: '7',
  createdAt: at('12:00:00.000'),
  updatedAt: at('12:00:01.130'),
  expiresAt: at('13:00:00.000'),
};

/** The answer to a create. */
export const pendingSandbox: Sandbox = {
  ...exampleSandbox,
  status: {
    ...exampleSandbox.status,
    phase: 'pending',
    conditions: [],
    endpoint: null,
    host: null,
    queuePosition: 1,
    timings: {},
  },
  resourceVersion: '1',
  updatedAt: exampleSandbox.createdAt,
};

export const deletingSandbox: Sandbox = {
  ...exampleSandbox,
  status: { ...exampleSandbox.status, phase: 'deleting' },
  resourceVersion: '8',
  updatedAt: at('12:30:00.000'),
};

export const exampleWatchEvent: Static<typeof WatchEvent> = {
  type: 'modified',
  id: exampleEventId,
  sandbox: exampleSandbox,
};

export const exampleHistory: HistoryEntry[] = [
  {
    id: '1763900000000-0',
    at: at('12:00:00.000'),
    type: 'created',
    reason: 'Requested',
    message: 'by key:4k2x9q7m3v8t',
    phase: 'pending',
  },
  {
    id: '1763900001130-0',
    at: at('12:00:01.130'),
    type: 'ready',
    reason: 'WriteAccepted',
    message: 'after 1130 ms',
    phase: 'ready',
  },
];

export const exampleKubeconfig = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [
    {
      name: exampleSandbox.id,
      cluster: {
        server: 'https://127.0.0.1:20001',
        'tls-server-name': `${exampleSandbox.id}.sandplane.internal`,
        'certificate-authority-data': 'LS0tLS1CRUdJTi0tLS0t',
      },
    },
  ],
  users: [
    {
      name: `${exampleSandbox.id}-admin`,
      user: { 'client-certificate-data': 'LS0tLS1CRUdJTi0tLS0t', 'client-key-data': 'LS0tLS1CRUdJTi0tLS0t' },
    },
  ],
  contexts: [
    {
      name: exampleSandbox.id,
      context: { cluster: exampleSandbox.id, user: `${exampleSandbox.id}-admin`, namespace: 'default' },
    },
  ],
  'current-context': exampleSandbox.id,
};

const ready = (name: string, version: string) =>
  ({
    name,
    version,
    state: 'ready',
    readyAs: ['binary'],
    obtainableFrom: ['release', 'build'],
    progress: null,
    failure: null,
  }) as const;

export const exampleVersions: Static<typeof VersionList> = {
  items: [
    {
      host: 'worker-1',
      runtimes: ['process', 'docker'],
      defaultRuntime: 'process',
      versions: [
        {
          kubernetesVersion: '1.37.2',
          etcdVersion: '3.6.16',
          default: true,
          components: [ready('kube-apiserver', '1.37.2'), ready('etcd', '3.6.16')].map((one) => ({
            ...one,
            readyAs: [...one.readyAs],
            obtainableFrom: [...one.obtainableFrom],
          })),
        },
      ],
    },
  ],
};
