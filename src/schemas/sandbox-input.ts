import Type from 'typebox';
import { nullable } from './common.ts';
import { SandboxSpecInput, ttlSeconds } from './spec.ts';

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
const labelValue = Type.String({ pattern: `^${labelValuePattern}$`, maxLength: 63 });
/** Rules for the keys of a map of labels. They are apart from those of the values, so that the document tells both. */
const labelRules = {
  maxProperties: 64,
  propertyNames: {
    type: 'string',
    description: 'a label key as Kubernetes has them: a name, or a DNS name, "/" and a name',
    pattern: `^${labelKeyPattern}$`,
  },
};

const labels = Type.Record(Type.String(), labelValue, {
  description: "labels as Kubernetes' own, at most 64",
  examples: [{ team: 'ci' }],
  ...labelRules,
});

/** The body of createSandbox. `{}` is valid. */
export const SandboxCreate = Type.Object(
  {
    name: Type.Optional(name),
    labels: Type.Optional(labels),
    spec: SandboxSpecInput,
  },
  {
    title: 'SandboxCreate',
    additionalProperties: false,
    description: 'a sandbox to create',
    default: {},
    'x-examples': {
      default: { summary: 'as the service chooses', value: {} },
      named: { summary: 'for an hour', value: { name: 'demo', labels: { team: 'ci' }, spec: { ttlSeconds: 3600 } } },
      full: {
        summary: 'with everything',
        value: {
          name: 'demo',
          labels: { team: 'ci' },
          spec: {
            kubernetesVersion: '1.37',
            etcdVersion: '3.6.16',
            runtime: 'process',
            durability: 'durable',
            ttlSeconds: null,
            apiServer: {
              extraArgs: { 'max-requests-inflight': '800' },
              featureGates: { WatchList: true },
              runtimeConfig: { 'scheduling.k8s.io/v1alpha1': true },
            },
            etcd: { extraArgs: { 'quota-backend-bytes': '4294967296' } },
          },
        },
      },
    },
  },
);
export type SandboxCreate = Type.Static<typeof SandboxCreate>;

/** The body of updateSandbox: an RFC 7396 merge patch of what may change. */
export const SandboxPatch = Type.Object(
  {
    name: Type.Optional(nullable(name, { description: 'a DNS label, as at creation; null: the id again' })),
    labels: Type.Optional(
      nullable(Type.Record(Type.String(), nullable(labelValue), labelRules), {
        description: 'a label set to null is removed; null removes all',
        examples: [{ team: 'ci', old: null }],
      }),
    ),
    spec: Type.Optional(
      Type.Object(
        { ttlSeconds: Type.Optional(ttlSeconds) },
        {
          title: 'SandboxSpecPatch',
          description: 'of the spec, only ttlSeconds can change',
          additionalProperties: false,
        },
      ),
    ),
  },
  {
    title: 'SandboxPatch',
    additionalProperties: false,
    description: 'a merge patch (RFC 7396)',
    'x-examples': {
      longer: { summary: 'lives a day', value: { spec: { ttlSeconds: 86_400 } } },
      labels: { summary: 'one label set, one removed', value: { labels: { team: 'ci', old: null } } },
    },
  },
);
export type SandboxPatch = Type.Static<typeof SandboxPatch>;
