import Type from 'typebox';
import { nullable, stringEnum } from './common.ts';

const closed = { additionalProperties: false };

const ArgumentMap = (description: string, example: Record<string, string>) =>
  Type.Record(
    Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }),
    Type.String({ maxLength: 1024, pattern: '^[^\\u0000-\\u001f]*$' }),
    { description, default: {}, examples: [example], maxProperties: 32, ...closed },
  );

const ApiServerSpec = Type.Object(
  {
    extraArgs: ArgumentMap('flags without their dashes, from an allow-list', { 'max-requests-inflight': '800' }),
    featureGates: Type.Record(Type.String({ pattern: '^[A-Za-z][A-Za-z0-9]{0,62}$' }), Type.Boolean(), {
      description: 'feature gates by name',
      default: {},
      examples: [{ WatchList: true }],
      maxProperties: 64,
      ...closed,
    }),
    runtimeConfig: Type.Record(Type.String({ pattern: '^[a-z0-9./-]{1,100}$' }), Type.Boolean(), {
      description: 'API groups and versions to turn on or off',
      default: {},
      examples: [{ 'scheduling.k8s.io/v1alpha1': true }],
      maxProperties: 64,
      ...closed,
    }),
  },
  { description: 'options of kube-apiserver', default: {}, ...closed },
);

const EtcdSpec = Type.Object(
  { extraArgs: ArgumentMap('flags without their dashes, from an allow-list', { 'quota-backend-bytes': '4294967296' }) },
  { description: 'options of etcd', default: {}, ...closed },
);

export const runtimeNames = ['process', 'docker', 'kubernetes'] as const;

export const ttlSeconds = nullable(Type.Integer({ minimum: 1, maximum: 31_536_000 }), {
  description: 'seconds from creation to deletion; null: until deleted',
  examples: [3600],
});

/** What the user asked for. Every field has a default. */
export const SandboxSpec = Type.Object(
  {
    kubernetesVersion: Type.String({
      description: 'exact ("1.37.2"), a minor ("1.37") or "latest"; what it became is in status',
      default: 'latest',
      examples: ['1.37.2'],
      maxLength: 32,
    }),
    etcdVersion: Type.Optional(
      Type.String({ description: 'default: the one that fits', examples: ['3.6.16'], maxLength: 32 }),
    ),
    runtime: Type.Optional(
      stringEnum(runtimeNames, { description: "default: the service's own choice", examples: ['process'] }),
    ),
    durability: stringEnum(['ephemeral', 'durable'] as const, {
      description: 'durable waits for the disk at each write and survives a power cut; ephemeral does not',
      default: 'ephemeral',
      examples: ['ephemeral'],
    }),
    ttlSeconds: Type.Optional(ttlSeconds),
    apiServer: ApiServerSpec,
    etcd: EtcdSpec,
  },
  { description: 'what was asked for', default: {}, ...closed },
);
export type SandboxSpec = Type.Static<typeof SandboxSpec>;
