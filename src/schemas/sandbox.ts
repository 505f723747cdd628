import Type from 'typebox';
import { errorTable } from '../errors.ts';
import { nullable, ref, stringEnum, timestamp } from './common.ts';
import { runtimeNames, SandboxSpec, ttlSeconds } from './spec.ts';

export const phases = [
  'pending',
  'provisioning',
  'ready',
  'degraded',
  'stopping',
  'stopped',
  'starting',
  'failed',
  'deleting',
  'deleted',
] as const;
export type Phase = (typeof phases)[number];

export const sandboxIdPattern = '^sb-[0-9a-z]{20}$';

export const sandboxId = Type.String({
  description: 'made by the server; a DNS label',
  pattern: sandboxIdPattern,
  examples: ['sb-4k2x9q7m3v8t1c6z0w5y'],
});

const dnsLabel = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';

const name = Type.String({
  description: 'a DNS label (RFC 1123): a-z, 0-9 and "-", at most 63 characters; default: the id',
  pattern: dnsLabel,
  maxLength: 63,
  examples: ['demo'],
});

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
const labelWord = '[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
export const labelValuePattern = `(?:${labelWord})?`;
export const labelKeyPattern = `(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?${labelWord}`;
const labelValue = Type.String({ pattern: `^${labelValuePattern}$` });
const labelKey = Type.String({ pattern: `^${labelKeyPattern}$` });

const labels = Type.Record(labelKey, labelValue, {
  description: "labels as Kubernetes' own, at most 64",
  maxProperties: 64,
  additionalProperties: false,
  examples: [{ team: 'ci' }],
});

/** The body of createSandbox. `{}` is valid. */
export const SandboxCreate = Type.Object(
  {
    name: Type.Optional(name),
    labels: Type.Optional(labels),
    spec: SandboxSpec,
  },
  { $id: 'SandboxCreate', title: 'SandboxCreate', additionalProperties: false, description: 'a sandbox to create' },
);
export type SandboxCreate = Type.Static<typeof SandboxCreate>;

/** The body of updateSandbox: an RFC 7396 merge patch of what may change. */
export const SandboxPatch = Type.Object(
  {
    name: Type.Optional(nullable(name, { description: 'null: the id again' })),
    labels: Type.Optional(
      nullable(
        Type.Record(labelKey, nullable(labelValue), {
          maxProperties: 64,
          additionalProperties: false,
          examples: [{ team: 'ci', old: null }],
        }),
        { description: 'a label set to null is removed; null removes all' },
      ),
    ),
    spec: Type.Optional(
      Type.Object(
        { ttlSeconds: Type.Optional(ttlSeconds) },
        { description: 'of the spec, only ttlSeconds can change', additionalProperties: false },
      ),
    ),
  },
  {
    $id: 'SandboxPatch',
    title: 'SandboxPatch',
    additionalProperties: false,
    description: 'a merge patch (RFC 7396)',
  },
);
export type SandboxPatch = Type.Static<typeof SandboxPatch>;

const milliseconds = (description: string) =>
  Type.Optional(Type.Integer({ description: `${description}, in milliseconds`, minimum: 0, examples: [95] }));

const Timings = Type.Object(
  {
    queuedMs: milliseconds('from the request to a free start slot'),
    componentsMs: milliseconds('until binaries or images were there'),
    etcdMs: milliseconds('etcd, from its start to accepting connections'),
    apiServerMs: milliseconds('kube-apiserver, from its start to answering'),
    firstWriteMs: milliseconds("the first write with the user's credential"),
    totalMs: milliseconds('from the request to ready'),
  },
  { description: 'where the time to ready went' },
);

const conditionTypes = ['ComponentsReady', 'EtcdReady', 'ApiServerReady'] as const;

const Condition = Type.Object({
  type: stringEnum(conditionTypes, { description: 'what is told', examples: ['ApiServerReady'] }),
  status: stringEnum(['true', 'false', 'unknown'] as const, { description: 'whether it holds', examples: ['true'] }),
  reason: Type.String({ description: 'one CamelCase word', examples: ['WriteAccepted'] }),
  message: Type.String({ description: 'for people', examples: [''] }),
  lastTransitionTime: timestamp('when status last changed'),
});
export type Condition = Type.Static<typeof Condition>;

const Failure = Type.Object({
  code: stringEnum(Object.keys(errorTable), { description: 'stable', examples: ['component_exited'] }),
  message: Type.String({ description: 'what happened', examples: ['kube-apiserver exited with code 1'] }),
  component: nullable(Type.String(), { description: 'which component, if one', examples: ['kube-apiserver'] }),
  logTail: Type.Array(Type.String(), { description: 'its last log lines', examples: [['Error: unknown flag']] }),
});
export type Failure = Type.Static<typeof Failure>;

const SandboxStatus = Type.Object(
  {
    phase: stringEnum(phases, { description: 'one word for the state', examples: ['ready'] }),
    conditions: Type.Array(Condition, { description: 'the state in parts' }),
    endpoint: nullable(Type.String(), {
      description: 'URL of the Kubernetes API, once it has one',
      examples: ['https://127.0.0.1:20001'],
    }),
    kubernetesVersion: Type.String({ description: 'what runs', examples: ['1.37.2'] }),
    etcdVersion: Type.String({ description: 'what runs', examples: ['3.6.16'] }),
    runtime: stringEnum(runtimeNames, { description: 'what runs it', examples: ['process'] }),
    host: Type.String({ description: 'the host it is on', examples: ['worker-1'] }),
    restarts: Type.Integer({ description: 'how often a component was restarted', minimum: 0, examples: [0] }),
    queuePosition: nullable(Type.Integer({ minimum: 1 }), {
      description:
        "place among the project's starts that wait on its host, 1 is next; null when not waiting; projects take turns",
      examples: [null],
    }),
    timings: Timings,
    failure: nullable(Failure, { description: 'why it failed, once it has' }),
  },
  { description: 'what was observed' },
);

export const Sandbox = Type.Object(
  {
    id: sandboxId,
    name: Type.String({ description: 'its name', examples: ['demo'] }),
    project: Type.String({ description: 'who owns it', examples: ['default'] }),
    labels: Type.Record(Type.String(), Type.String(), { description: 'its labels', examples: [{ team: 'ci' }] }),
    spec: SandboxSpec,
    status: SandboxStatus,
    resourceVersion: Type.String({ description: 'changes with every change; also the ETag', examples: ['7'] }),
    createdAt: timestamp('when it was asked for'),
    updatedAt: timestamp('when it last changed'),
    expiresAt: nullable(timestamp('when it expires'), { description: 'when it will be deleted, or null' }),
  },
  { $id: 'Sandbox', title: 'Sandbox', description: 'one etcd and one kube-apiserver' },
);
export type Sandbox = Type.Static<typeof Sandbox>;

export const SandboxList = Type.Object(
  {
    items: Type.Array(ref(Sandbox), { description: 'this page, newest first' }),
    nextCursor: nullable(Type.String(), { description: 'for the next page; null on the last', examples: [null] }),
    since: Type.String({
      description: 'watch from here on: what changed after this page was read',
      examples: ['1763900000000-0'],
    }),
  },
  { $id: 'SandboxList', title: 'SandboxList', description: 'a page of sandboxes' },
);
