import Type from 'typebox';
import { integer, nullable, pageOf, resourceVersion, stringEnum, text, timestamp } from './common.ts';

/** A DNS label. */
export const projectNamePattern = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';

export const projectName = Type.String({
  description: 'a DNS label (RFC 1123): a-z, 0-9 and "-", at most 63 characters',
  pattern: projectNamePattern,
  maxLength: 63,
  examples: ['team-a'],
});

const count = (description: string, example: number) =>
  integer({ description, minimum: 0, maximum: 1_000_000_000, examples: [example] });

const limits = {
  sandboxes: count('sandboxes at the same time, in any phase', 100),
  awake: count('sandboxes that run or may run at the same time', 50),
  startsPerMinute: integer({
    description: 'creates: so many at once, and from then on so many in each minute',
    minimum: 1,
    maximum: 1_000_000,
    examples: [120],
  }),
  maxTtlSeconds: nullable(integer({ minimum: 1, maximum: 31_536_000 }), {
    description: 'the longest time to live, and the one of a sandbox that asks for none; null: no limit',
    examples: [86400],
  }),
  memoryMiB: count('memory that awake sandboxes may take at most, by the limits of their components, in MiB', 153_600),
  diskMiB: count('disk that sandboxes may take at most, in MiB', 460_800),
} as const;

export const Quotas = Type.Object(limits, {
  title: 'ProjectQuotas',
  description: 'what the project may have',
});
export type Quotas = Type.Static<typeof Quotas>;
export const quotaNames = Object.keys(limits) as (keyof Quotas)[];

/** In a merge patch, null means the service's default, except for maxTtlSeconds, where it means no limit. */
const orDefault = (schema: Type.TInteger) => Type.Optional(nullable(schema));

const QuotaChanges = Type.Object(
  {
    sandboxes: orDefault(limits.sandboxes),
    awake: orDefault(limits.awake),
    startsPerMinute: orDefault(limits.startsPerMinute),
    maxTtlSeconds: Type.Optional(limits.maxTtlSeconds),
    memoryMiB: orDefault(limits.memoryMiB),
    diskMiB: orDefault(limits.diskMiB),
  },
  {
    title: 'ProjectQuotasInput',
    description: "limits of its own; null and what is missing: the service's",
    additionalProperties: false,
  },
);

export const ProjectCreate = Type.Object(
  { name: projectName, quotas: Type.Optional(QuotaChanges) },
  {
    title: 'ProjectCreate',
    additionalProperties: false,
    description: 'a project to create',
    'x-examples': {
      shortest: { summary: "with the service's limits", value: { name: 'team-a' } },
      full: {
        summary: 'with limits of its own',
        value: { name: 'team-a', quotas: { awake: 10, maxTtlSeconds: 86_400 } },
      },
    },
  },
);
export type ProjectCreate = Type.Static<typeof ProjectCreate>;

export const ProjectPatch = Type.Object(
  { quotas: Type.Optional(QuotaChanges) },
  {
    title: 'ProjectPatch',
    additionalProperties: false,
    description: 'a merge patch (RFC 7396)',
    'x-examples': {
      raise: { summary: 'more that run', value: { quotas: { awake: 20 } } },
      reset: { summary: "the service's limit again", value: { quotas: { awake: null } } },
    },
  },
);
export type ProjectPatch = Type.Static<typeof ProjectPatch>;

export const Project = Type.Object(
  {
    name: projectName,
    uid: text('names this project and no later one with the same name', '0198c5a1-7e2b-4c3d-9f40-5a6b7c8d9e0f'),
    state: stringEnum(['active', 'deleting'] as const, {
      title: 'ProjectState',
      description: 'active: takes sandboxes; deleting: takes none any more',
      examples: ['active'],
    }),
    quotas: Quotas,
    used: Type.Object(
      {
        sandboxes: count('sandboxes', 3),
        awake: count('those that run or may run', 2),
        memoryMiB: count('memory they may take', 6144),
        diskMiB: count('disk they may take', 13_824),
      },
      { title: 'ProjectUsed', description: 'how much of the limits is used' },
    ),
    resourceVersion,
    createdAt: timestamp('when it was made'),
  },
  { $id: 'Project', title: 'Project', description: 'a tenant: what it owns, nobody else sees' },
);
export type Project = Type.Static<typeof Project>;

export const ProjectList = pageOf('ProjectList', Project, 'a page of projects');
