import Type from 'typebox';
import { errorTable } from '../errors.ts';
import {
  integer,
  nextCursor,
  nullable,
  openEnum,
  ref,
  resourceVersion,
  stringEnum,
  text,
  timestamp,
} from './common.ts';
import { runtime, SandboxSpec } from './spec.ts';

export const phases = ['pending', 'provisioning', 'ready', 'degraded', 'failed', 'deleting', 'deleted'] as const;
export type Phase = (typeof phases)[number];

/** It has a title, so that generated clients have one type for it. */
export const phase = stringEnum(phases, {
  title: 'SandboxPhase',
  description: 'one word for the state of a sandbox',
  examples: ['ready'],
});

const sandboxIdPattern = '^sb-[0-9a-z]{20}$';

export const sandboxId = Type.String({
  description: 'made by the server; a DNS label',
  pattern: sandboxIdPattern,
  examples: ['sb-4k2x9q7m3v8t1c6z0w5y'],
});

const milliseconds = (description: string, example: number) =>
  Type.Optional(integer({ description: `${description}, in milliseconds`, minimum: 0, examples: [example] }));

const Timings = Type.Object(
  {
    queuedMs: milliseconds('from the request to a free slot of a host', 3),
    componentsMs: milliseconds('until binaries or images were on the host', 0),
    etcdMs: milliseconds('etcd, from its start to accepting connections', 95),
    apiServerMs: milliseconds('kube-apiserver, from its start to answering', 1010),
    firstWriteMs: milliseconds("the first write with the user's credential", 12),
    totalMs: milliseconds('from the request to ready', 1130),
  },
  { title: 'SandboxTimings', description: 'how long each step took until it was ready' },
);

const conditionTypes = ['ComponentsReady', 'EtcdReady', 'ApiServerReady'] as const;

const Condition = Type.Object(
  {
    type: openEnum(conditionTypes, { description: 'which aspect of the state', examples: ['ApiServerReady'] }),
    status: stringEnum(['true', 'false', 'unknown'] as const, {
      title: 'ConditionStatus',
      description: 'whether it holds',
      examples: ['true'],
    }),
    reason: text('one CamelCase word', 'WriteAccepted'),
    message: text('for people', ''),
    lastTransitionTime: timestamp('when status last changed'),
  },
  { title: 'SandboxCondition', description: 'one aspect of the state' },
);
export type Condition = Type.Static<typeof Condition>;

const Failure = Type.Object(
  {
    code: openEnum(Object.keys(errorTable), {
      description: 'stable: branch on this; docs/errors.md lists them',
      examples: ['component_exited'],
    }),
    message: text('what happened', 'kube-apiserver exited with code 1.'),
    component: nullable(Type.String(), { description: 'which component, if one', examples: ['kube-apiserver'] }),
    logTail: Type.Array(Type.String(), { description: 'its last log lines', examples: [['Error: unknown flag']] }),
  },
  { title: 'SandboxFailure', description: 'why a sandbox failed' },
);
export type Failure = Type.Static<typeof Failure>;

const SandboxStatus = Type.Object(
  {
    phase,
    conditions: Type.Array(Condition, { description: 'the aspects of the state' }),
    endpoint: nullable(Type.String(), {
      description: 'URL of the Kubernetes API, once it has one',
      examples: ['https://127.0.0.1:20001'],
    }),
    kubernetesVersion: text('the Kubernetes version that runs', '1.37.2'),
    etcdVersion: text('the etcd version that runs', '3.6.16'),
    runtime,
    host: nullable(Type.String(), {
      description: 'the host that it runs on; null until one has taken it',
      examples: ['worker-1'],
    }),
    restarts: integer({ description: 'how often a component was restarted', minimum: 0, examples: [0] }),
    queuePosition: nullable(integer({ minimum: 1 }), {
      description:
        'position in the queue of starts for its runtime, 1 is next; null when it does not wait there; projects take turns',
      examples: [null],
    }),
    timings: Timings,
    failure: nullable(Failure, { description: 'why it failed, once it has; else null' }),
  },
  { title: 'SandboxStatus', description: 'what was observed' },
);

export const Sandbox = Type.Object(
  {
    id: sandboxId,
    name: text('its name', 'demo'),
    project: text('who owns it', 'default'),
    labels: Type.Record(Type.String(), Type.String(), { description: 'its labels', examples: [{ team: 'ci' }] }),
    spec: SandboxSpec,
    status: SandboxStatus,
    resourceVersion,
    createdAt: timestamp('when it was asked for'),
    updatedAt: timestamp('when it last changed'),
    expiresAt: nullable(timestamp('when it will be deleted; null: not by itself')),
  },
  { $id: 'Sandbox', title: 'Sandbox', description: 'one etcd and one kube-apiserver' },
);
export type Sandbox = Type.Static<typeof Sandbox>;

export const SandboxList = Type.Object(
  {
    items: Type.Array(ref(Sandbox), { description: 'this page, newest first' }),
    nextCursor,
    since: text('watch from here on: what changed after this page was read', '1763900000000-0'),
  },
  { $id: 'SandboxList', title: 'SandboxList', description: 'a page of sandboxes' },
);
