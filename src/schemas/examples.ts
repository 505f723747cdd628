import type { Static } from 'typebox';
import type { AuditEntry } from './audit.ts';
import type { HistoryEntry } from './history.ts';
import type { Key, KeyWithSecret, Whoami } from './key.ts';
import type { Project } from './project.ts';
import type { Sandbox } from './sandbox.ts';
import type { UsageReport } from './usage.ts';
import type { VersionList } from './version.ts';
import type { WatchEvent } from './watch.ts';
import type { Delivery, Webhook, WebhookWithSecret } from './webhook.ts';

/** Whole resources, as the document shows them. */
const at = (time: string) => `2026-11-23T${time}Z`;
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

/** As a create answers at once. */
export const pendingSandbox: Sandbox = {
  ...exampleSandbox,
  status: {
    ...exampleSandbox.status,
    phase: 'pending',
    conditions: [],
    endpoint: null,
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

export const exampleProject: Project = {
  name: 'team-a',
  uid: '0198c5a1-7e2b-4c3d-9f40-5a6b7c8d9e0f',
  state: 'active',
  quotas: {
    sandboxes: 100,
    awake: 10,
    startsPerMinute: 120,
    maxTtlSeconds: null,
    memoryMiB: 153_600,
    diskMiB: 256_000,
  },
  used: { sandboxes: 3, awake: 2, memoryMiB: 6144, diskMiB: 7680 },
  resourceVersion: '1',
  createdAt: at('09:00:00.000'),
};

export const deletingProject: Project = { ...exampleProject, state: 'deleting', resourceVersion: '2' };

export const exampleKey: Key = {
  id: '4k2x9q7m3v8t',
  name: 'ci',
  project: 'team-a',
  scopes: ['read', 'write'],
  createdAt: at('09:00:01.000'),
  expiresAt: null,
  lastUsedAt: at('12:00:00.000'),
};

export const exampleNewKey: KeyWithSecret = {
  ...exampleKey,
  lastUsedAt: null,
  secret: 'sandplane_4k2x9q7m3v8t_kT3vQ9xZ1mB7rW5yH2nD8sF4gJ6pL0cVaEuIoRzXqSwMd1b2NfGh3',
};

export const exampleWhoami: Whoami = {
  kind: 'key',
  subject: 'key:4k2x9q7m3v8t',
  name: 'ci',
  project: 'team-a',
  scopes: ['read', 'write'],
  expiresAt: null,
};

export const exampleUsage: UsageReport = {
  project: 'team-a',
  from: at('00:00:00.000'),
  to: '2026-11-24T00:00:00.000Z',
  total: { sandboxSeconds: 86_400.5, peak: 12 },
  labels: [{ label: 'team=ci', sandboxSeconds: 3600, peak: 4 }],
};

export const exampleAuditEntry: AuditEntry = {
  id: exampleEventId,
  at: at('12:00:00.000'),
  subject: 'key:4k2x9q7m3v8t',
  name: 'ci',
  address: '127.0.0.1',
  operation: 'createSandbox',
  target: `/v1/sandboxes/${exampleSandbox.id}`,
  status: 202,
  code: null,
  result: 'done',
  requestId: 'req-1b4e28ba-2fa1-41d2-883f-0016d3cca427',
};

export const exampleWebhook: Webhook = {
  id: 'wh-4k2x9q7m3v8t1c6z0w5y',
  project: 'team-a',
  url: 'https://ci.example.com/hooks/sandplane',
  events: ['sandbox.ready', 'sandbox.failed'],
  description: 'CI',
  disabled: false,
  disabledReason: null,
  lastSuccessAt: at('12:00:01.172'),
  resourceVersion: '1',
  createdAt: at('09:00:02.000'),
};

export const exampleNewWebhook: WebhookWithSecret = {
  ...exampleWebhook,
  lastSuccessAt: null,
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
};

export const exampleDelivery: Delivery = {
  id: 'dl-1763900000000-0-4k2x9q7m3v8t1c6z0w5y',
  webhookId: exampleWebhook.id,
  event: 'sandbox.ready',
  messageId: 'evt_1763900000000-0',
  state: 'delivered',
  attempts: [{ at: at('12:00:01.130'), status: 200, error: null, durationMs: 42 }],
  attemptCount: 1,
  nextAttemptAt: null,
  createdAt: at('12:00:01.130'),
};

export const pendingDelivery: Delivery = {
  ...exampleDelivery,
  state: 'pending',
  nextAttemptAt: at('12:30:00.000'),
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
