import { invalidField } from '../errors.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { SandboxCreate, SandboxPatch } from '../schemas/sandbox-input.ts';
import type { SandboxRecord } from './record.ts';

/** The first record of a new sandbox. */
export function newRecord(input: {
  id: string;
  project: string;
  body: SandboxCreate;
  versions: { kubernetesVersion: string; etcdVersion: string };
  runtime: string;
  now: Date;
}): SandboxRecord {
  const { id, project, body, versions, runtime, now } = input;
  const ttl = body.spec.ttlSeconds ?? null;
  return {
    desired: 'running',
    port: null,
    attempts: 0,
    notBefore: 0,
    wasReady: false,
    sandbox: {
      id,
      name: body.name ?? id,
      project,
      labels: body.labels ?? {},
      spec: { ...body.spec, ttlSeconds: ttl },
      status: {
        phase: 'pending',
        conditions: [],
        endpoint: null,
        ...versions,
        runtime: runtime as Sandbox['status']['runtime'],
        host: null,
        restarts: 0,
        queuePosition: null,
        timings: {},
        failure: null,
      },
      resourceVersion: '1',
      createdAt: now.toISOString(),
      updatedAt: now.toISOString(),
      expiresAt: expiry(now, ttl),
    },
  };
}

/** Applies a merge patch (RFC 7396). Throws `validation_failed` when the result has too many labels. */
export function merge(record: SandboxRecord, body: SandboxPatch): SandboxRecord {
  const { sandbox } = record;
  const kept = body.labels === null ? {} : sandbox.labels;
  const labels = Object.entries({ ...kept, ...body.labels }).filter(([, value]) => value !== null);
  if (labels.length > 64) throw invalidField('/labels', 'must have at most 64 labels, the present ones included');
  const ttl = body.spec?.ttlSeconds;
  return {
    ...record,
    sandbox: {
      ...sandbox,
      name: body.name === undefined ? sandbox.name : (body.name ?? sandbox.id),
      labels: Object.fromEntries(labels) as Record<string, string>,
      ...(ttl === undefined
        ? {}
        : { spec: { ...sandbox.spec, ttlSeconds: ttl }, expiresAt: expiry(new Date(sandbox.createdAt), ttl) }),
    },
  };
}

function expiry(from: Date, ttlSeconds: number | null): string | null {
  return ttlSeconds === null ? null : new Date(from.getTime() + ttlSeconds * 1000).toISOString();
}
