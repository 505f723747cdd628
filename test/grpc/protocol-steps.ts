import type { Given } from '../support/outcome.ts';

/** What the steps before have made. */
export interface Made {
  readonly project: string;
  readonly readKey: string;
  [name: string]: string;
}

/** [what, operation, what is given, the code it fails with or null, what is kept of the answer: name and field] */
type Step = [
  what: string,
  operationId: string,
  given: (made: Made) => Given,
  code: string | null,
  keep?: readonly [name: string, field: string],
];

const none = () => ({});
const unknownId = 'sb-00000000000000000000';
const one = ({ sandbox }: Made) => ({ params: { id: sandbox } });
const ofProject = ({ project }: Made) => ({ params: { project } });
const hook = ({ webhook }: Made) => ({ params: { id: webhook } });

const tight = { quotas: { sandboxes: 1 } };
const full = {
  kubernetesVersion: '1.36',
  runtime: 'process',
  durability: 'durable',
  ttlSeconds: 600,
  apiServer: { extraArgs: { 'max-requests-inflight': '800' }, featureGates: { WatchList: true }, runtimeConfig: {} },
  etcd: { extraArgs: {} },
};

/** They are run one after the other; all operations are among them, but for those that stream. */
export const steps: readonly Step[] = [
  ['who asks', 'getWhoami', none, null],
  ['without a key', 'getWhoami', () => ({ key: '' }), 'unauthenticated'],
  ['with something else', 'getWhoami', () => ({ key: 'nonsense' }), 'key_malformed'],
  ['a key that may not', 'createSandbox', ({ readKey }) => ({ key: readKey, body: {} }), 'insufficient_scope'],
  ['what can be run', 'listVersions', none, null],

  ['create', 'createSandbox', () => ({ body: { name: 'first', labels: { team: 'ci' } } }), null, ['sandbox', 'id']],
  ['create and wait', 'createSandbox', () => ({ body: { name: 'second' }, headers: { prefer: 'wait=20' } }), null],
  [
    'create, all given',
    'createSandbox',
    () => ({ body: { name: 'third', labels: { 'a.b/c': 'd' }, spec: full } }),
    null,
    ['third', 'id'],
  ],
  ['a bad name', 'createSandbox', () => ({ body: { name: 'No!' } }), 'validation_failed'],
  ['several faults', 'createSandbox', () => ({ body: { name: 'No!', spec: { ttlSeconds: -1 } } }), 'validation_failed'],
  [
    'a version that is not',
    'createSandbox',
    () => ({ body: { spec: { kubernetesVersion: '1.2.3' } } }),
    'unsupported_version',
  ],
  [
    'a flag that is not allowed',
    'createSandbox',
    () => ({ body: { spec: { apiServer: { extraArgs: { 'etcd-servers': 'x' } } } } }),
    'argument_not_allowed',
  ],
  [
    'flags that contradict one another',
    'createSandbox',
    () => ({ body: { spec: { etcd: { extraArgs: { 'heartbeat-interval': '500' } } } } }),
    'arguments_conflict',
  ],
  [
    'once',
    'createSandbox',
    () => ({ body: { name: 'once' }, headers: { 'idempotency-key': 'k1' } }),
    null,
    ['once', 'id'],
  ],
  ['once again', 'createSandbox', () => ({ body: { name: 'once' }, headers: { 'idempotency-key': 'k1' } }), null],
  [
    'the same key for another',
    'createSandbox',
    () => ({ body: { name: 'twice' }, headers: { 'idempotency-key': 'k1' } }),
    'idempotency_mismatch',
  ],

  ['wait', 'waitForSandbox', one, null],
  ['wait for what cannot be', 'waitForSandbox', (m) => ({ ...one(m), query: { for: 'pending' } }), 'phase_unreachable'],
  ['wait too short', 'waitForSandbox', (m) => ({ ...one(m), query: { for: 'degraded', timeout: 0 } }), 'wait_timeout'],
  ['wait too long', 'waitForSandbox', (m) => ({ ...one(m), query: { timeout: 301 } }), 'validation_failed'],
  ['read', 'getSandbox', one, null],
  ['read an unknown one', 'getSandbox', () => ({ params: { id: unknownId } }), 'not_found'],
  ['read what is no id', 'getSandbox', () => ({ params: { id: 'x' } }), 'validation_failed'],
  ['kubeconfig of an unknown one', 'getKubeconfig', () => ({ params: { id: unknownId } }), 'not_found'],
  ['its history', 'listSandboxEvents', one, null],
  ['wait for the third', 'waitForSandbox', ({ third }) => ({ params: { id: third } }), null],
  ['wait for that of once', 'waitForSandbox', ({ once }) => ({ params: { id: once } }), null],
  ['list', 'listSandboxes', () => ({ query: { limit: 2 } }), null],
  ['list by label', 'listSandboxes', () => ({ query: { label: ['team in (ci, qa)'] } }), null],
  ['list by phase', 'listSandboxes', () => ({ query: { phase: 'failed' } }), null],
  ['a bad selector', 'listSandboxes', () => ({ query: { label: ['='] } }), 'invalid_selector'],
  ['a bad cursor', 'listSandboxes', () => ({ query: { cursor: 'x' } }), 'invalid_cursor'],
  ['a page too large', 'listSandboxes', () => ({ query: { limit: 501 } }), 'validation_failed'],

  ['change the name', 'updateSandbox', (m) => ({ ...one(m), body: { name: 'renamed' } }), null],
  [
    'merge and remove labels',
    'updateSandbox',
    (m) => ({ ...one(m), body: { labels: { team: null, owner: 'ann' } }, mask: ['labels.team', 'labels.owner'] }),
    null,
  ],
  ['reset the name', 'updateSandbox', (m) => ({ ...one(m), body: { name: null }, mask: ['name'] }), null],
  [
    'a time to live',
    'updateSandbox',
    (m) => ({ ...one(m), body: { spec: { ttlSeconds: 60 } }, mask: ['spec.ttl_seconds'] }),
    null,
  ],
  [
    'what cannot change',
    'updateSandbox',
    (m) => ({ ...one(m), body: { spec: { etcdVersion: '3.6.16' } } }),
    'validation_failed',
  ],
  [
    'a version that is past',
    'updateSandbox',
    (m) => ({ ...one(m), body: { name: 'late' }, headers: { 'if-match': '"1"' } }),
    'precondition_failed',
  ],

  [
    'whatever version it has',
    'updateSandbox',
    (m) => ({ ...one(m), body: { name: 'any' }, headers: { 'if-match': '*' } }),
    null,
  ],

  ['usage', 'getUsage', none, null],
  ['usage backwards', 'getUsage', () => ({ query: { from: '2026-02-02', to: '2026-02-01' } }), 'validation_failed'],
  ['usage of no day', 'getUsage', () => ({ query: { from: 'yesterday' } }), 'validation_failed'],

  [
    'make a key',
    'createKey',
    (m) => ({ ...ofProject(m), body: { name: 'ci', scopes: ['read'] } }),
    null,
    ['key', 'id'],
  ],
  [
    'a key that has ended',
    'createKey',
    (m) => ({ ...ofProject(m), body: { name: 'old', expiresAt: '2020-01-01T00:00:00.000Z' } }),
    'validation_failed',
  ],
  ['a key of no name', 'createKey', (m) => ({ ...ofProject(m), body: { scopes: ['read'] } }), 'validation_failed'],
  ['keys', 'listKeys', ofProject, null],
  ['read a key', 'getKey', ({ project, key }) => ({ params: { project, key } }), null],
  ['revoke it', 'revokeKey', ({ project, key }) => ({ params: { project, key } }), null],
  ['keys of another project', 'listKeys', () => ({ params: { project: 'default' } }), 'not_found'],

  ['its project', 'getProject', ofProject, null],
  ['all projects', 'listProjects', none, null],
  ['a project without the right', 'createProject', () => ({ body: { name: 'mine' } }), 'insufficient_scope'],
  [
    'a project that is there',
    'createProject',
    ({ admin, project }) => ({ key: admin as string, body: { name: project } }),
    'project_exists',
  ],
  [
    'the project that stays',
    'deleteProject',
    ({ admin }) => ({ key: admin as string, params: { project: 'default' } }),
    'project_protected',
  ],

  [
    'add a receiver',
    'createWebhook',
    () => ({ body: { url: 'https://8.8.8.8/hook', events: ['sandbox.ready'] } }),
    null,
    ['webhook', 'id'],
  ],
  [
    'a receiver at home',
    'createWebhook',
    () => ({ body: { url: 'https://127.0.0.1/hook' } }),
    'webhook_address_forbidden',
  ],
  ['read it', 'getWebhook', hook, null],
  ['receivers', 'listWebhooks', none, null],
  ['disable it', 'updateWebhook', (m) => ({ ...hook(m), body: { disabled: true } }), null],
  ['all events', 'updateWebhook', (m) => ({ ...hook(m), body: { events: [] }, mask: ['events'] }), null],
  ['a new secret', 'rotateWebhookSecret', hook, null],
  ['what was sent', 'listDeliveries', hook, null],
  [
    'what was not sent',
    'getDelivery',
    ({ webhook }) => ({ params: { id: webhook, delivery: 'dl-1-0-00000000000000000000' } }),
    'not_found',
  ],
  [
    'send it again',
    'replayDelivery',
    ({ webhook }) => ({ params: { id: webhook, delivery: 'dl-1-0-00000000000000000000' } }),
    'not_found',
  ],
  ['remove it', 'deleteWebhook', hook, null],

  [
    'a limit',
    'updateProject',
    ({ admin, project }) => ({ key: admin as string, params: { project }, body: tight }),
    null,
  ],
  ['one too many', 'createSandbox', () => ({ body: {} }), 'quota_exceeded'],
  [
    'no limit of its own any more',
    'updateProject',
    ({ admin, project }) => ({
      key: admin as string,
      params: { project },
      body: { quotas: { sandboxes: null } },
      mask: ['quotas.sandboxes'],
    }),
    null,
  ],

  ['delete', 'deleteSandbox', one, null],
  ['delete by force', 'deleteSandbox', ({ third }) => ({ params: { id: third }, query: { force: true } }), null],
  ['wait for the end', 'waitForSandbox', (m) => ({ ...one(m), query: { for: 'deleted', timeout: 20 } }), null],
  ['read what is gone', 'getSandbox', one, 'not_found'],
  ['what was done', 'listAudit', () => ({ query: { limit: 500 } }), null],
  ['what was done, for all', 'listAudit', ({ readKey }) => ({ key: readKey }), 'insufficient_scope'],
  [
    'delete with its sandboxes',
    'deleteProject',
    ({ admin, project }) => ({ key: admin as string, params: { project }, query: { sandboxes: 'delete' } }),
    null,
  ],
];
