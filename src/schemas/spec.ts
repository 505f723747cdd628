import Type from 'typebox';
import { integer, nullable, stringEnum, text } from './common.ts';
import { apiServerFlags, etcdFlags, flagValues } from './flags.ts';

const closed = { additionalProperties: false };

interface MapRule {
  readonly description: string;
  readonly example: object;
  readonly maxProperties: number;
  /** What the keys of the map have to be. */
  readonly names: { readonly description: string } & ({ readonly pattern: string } | { readonly enum: string[] });
}

const inputMap = <Value extends Type.TSchema>(value: Value, { description, example, maxProperties, names }: MapRule) =>
  Type.Record(Type.String(), value, {
    description,
    default: {},
    examples: [example],
    maxProperties,
    propertyNames: { type: 'string', ...names },
  });

const apiServerArgs = { 'max-requests-inflight': '800' };
const etcdArgs = { 'quota-backend-bytes': '4294967296' };
const gates = { WatchList: true };
const groups = { 'scheduling.k8s.io/v1alpha1': true };

const code = { 'x-error-code': 'argument_not_allowed' };

/** A map of allowed flags to values. A flag whose value has to follow a rule is a property with that rule. */
const argumentMap = (allowed: readonly string[], example: object) =>
  Type.Unsafe<Record<string, string>>({
    ...inputMap(Type.String({ maxLength: 1024, pattern: '^[^\\u0000-\\u001f]*$' }), {
      description: 'flags without their dashes, from an allow-list',
      example,
      maxProperties: 32,
      names: { enum: [...allowed], description: 'a flag that may be set, without its dashes', ...code },
    }),
    properties: Object.fromEntries(
      Object.entries(flagValues)
        .filter(([name]) => allowed.includes(name))
        .map(([name, rule]) => [name, Type.String({ ...rule, ...code })]),
    ),
  });

const ApiServerOptionsInput = Type.Object(
  {
    extraArgs: argumentMap(apiServerFlags, apiServerArgs),
    featureGates: inputMap(Type.Boolean(), {
      description: 'feature gates by name',
      example: gates,
      maxProperties: 64,
      names: { pattern: '^[A-Za-z][A-Za-z0-9]{0,62}$', description: 'the name of a feature gate' },
    }),
    runtimeConfig: inputMap(Type.Boolean(), {
      description: 'API groups and versions to turn on or off',
      example: groups,
      maxProperties: 64,
      names: { pattern: '^[a-z0-9./-]{1,100}$', description: 'an API group and version, as in group/v1' },
    }),
  },
  { title: 'ApiServerOptionsInput', description: 'options of kube-apiserver', default: {}, ...closed },
);

const EtcdOptionsInput = Type.Object(
  { extraArgs: argumentMap(etcdFlags, etcdArgs) },
  { title: 'EtcdOptionsInput', description: 'options of etcd', default: {}, ...closed },
);

const runtimeNames = ['process', 'docker'] as const;
export const runtime = stringEnum(runtimeNames, {
  title: 'RuntimeName',
  description: "what runs the components; default: the service's own choice",
  examples: ['process'],
});

const durability = stringEnum(['ephemeral', 'durable'] as const, {
  title: 'Durability',
  description: 'durable waits for the disk at each write and survives a power cut; ephemeral does not',
  default: 'ephemeral',
  examples: ['ephemeral'],
});

export const ttlSeconds = nullable(integer({ minimum: 1, maximum: 31_536_000 }), {
  description: 'seconds from creation to deletion; null: until deleted',
  examples: [3600],
});

/** What the user asks for. Every field has a default. */
export const SandboxSpecInput = Type.Object(
  {
    kubernetesVersion: Type.String({
      description: 'exact ("1.37.2"), a minor ("1.37") or "latest"; what it becomes is in status',
      default: 'latest',
      examples: ['1.37.2'],
      maxLength: 32,
      pattern: '^(latest|v?[0-9]{1,3}\\.[0-9]{1,3}(\\.[0-9]{1,3})?)$',
    }),
    etcdVersion: Type.Optional(
      Type.String({
        description: 'exact; default: the one that fits',
        examples: ['3.6.16'],
        maxLength: 32,
        pattern: '^v?[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}$',
      }),
    ),
    runtime: Type.Optional(runtime),
    durability,
    ttlSeconds: Type.Optional(ttlSeconds),
    apiServer: ApiServerOptionsInput,
    etcd: EtcdOptionsInput,
  },
  { title: 'SandboxSpecInput', description: 'what is asked for; every field has a default', default: {}, ...closed },
);
export type SandboxSpecInput = Type.Static<typeof SandboxSpecInput>;

const map = <Value extends Type.TSchema>(value: Value, description: string, example: object) =>
  Type.Record(Type.String(), value, { description, examples: [example] });

const ApiServerOptions = Type.Object(
  {
    extraArgs: map(Type.String(), 'flags without their dashes', apiServerArgs),
    featureGates: map(Type.Boolean(), 'feature gates by name', gates),
    runtimeConfig: map(Type.Boolean(), 'API groups and versions that were turned on or off', groups),
  },
  { title: 'ApiServerOptions', description: 'options of kube-apiserver' },
);

const EtcdOptions = Type.Object(
  { extraArgs: map(Type.String(), 'flags without their dashes', etcdArgs) },
  { title: 'EtcdOptions', description: 'options of etcd' },
);

/** The spec in an answer, with the defaults filled in. */
export const SandboxSpec = Type.Object(
  {
    kubernetesVersion: text('as it was asked for', '1.37'),
    etcdVersion: Type.Optional(text('as it was asked for, if it was', '3.6.16')),
    runtime: Type.Optional(runtime),
    durability,
    ttlSeconds,
    apiServer: ApiServerOptions,
    etcd: EtcdOptions,
  },
  { title: 'SandboxSpec', description: 'what was asked for' },
);
