import type { Logger } from 'pino';
import { AppError, invalidField } from '../errors.ts';
import { kubeconfig } from '../runtime/kubeconfig.ts';
import type { Phase, Sandbox, SandboxCreate, SandboxPatch } from '../schemas/sandbox.ts';
import type { Changes } from './changes.ts';
import { checkArguments } from './flags.ts';
import type { Hosts } from './hosts.ts';
import type { LogQuery } from './log-relay.ts';
import { newSandboxId, type SandboxRecord } from './record.ts';
import type { Starts } from './starts.ts';
import type { Store, Stored } from './store.ts';
import { createWait, notFound } from './wait.ts';

export interface ServiceOptions {
  readonly store: Store;
  readonly starts: Starts;
  readonly hosts: Hosts;
  readonly changes: Changes;
  readonly wake: (host: string, sandboxId: string) => Promise<void>;
  readonly resolveVersions: (wanted: { kubernetesVersion?: string; etcdVersion?: string }) => {
    kubernetesVersion: string;
    etcdVersion: string;
  };
  readonly readLogs: (query: LogQuery, signal: AbortSignal) => AsyncIterable<Buffer>;
  readonly logger: Logger;
}

export interface ListQuery {
  readonly limit: number;
  readonly cursor?: string;
  readonly phase?: Phase;
  readonly label?: readonly string[];
}

export interface LogsQuery {
  readonly component: string;
  readonly tail: number;
  readonly follow: boolean;
}

export type SandboxService = ReturnType<typeof createSandboxService>;

/** What a user can do with sandboxes, whatever the protocol. Everything is of one project. */
export function createSandboxService(options: ServiceOptions) {
  const { store, starts, hosts, changes, logger } = options;

  async function create(project: string, body: SandboxCreate, id = newSandboxId()): Promise<Sandbox> {
    checkArguments(body.spec);
    const versions = options.resolveVersions(body.spec);
    const before = await store.get(id);
    if (before) return before.record.sandbox;
    const placed = await hosts.place(body.spec.runtime);
    const record = newRecord({ id, project, body, versions, placed });
    const created = await store.create(record);
    // Acknowledged from here on: a wake-up that is lost delays it until the next sweep.
    await options.wake(placed.host, id).catch((error: unknown) => {
      logger.warn({ sandboxId: id, err: error }, 'wake-up not sent, the sweep will find the sandbox');
    });
    return created.sandbox;
  }

  async function find(project: string, id: string): Promise<Stored> {
    const stored = await store.get(id);
    if (!stored || stored.record.sandbox.project !== project) throw notFound(id);
    return stored;
  }

  async function get(project: string, id: string): Promise<Sandbox> {
    const { record } = await find(project, id);
    const [sandbox] = await withPositions([record.sandbox]);
    return sandbox as Sandbox;
  }

  async function list(project: string, query: ListQuery): Promise<{ items: Sandbox[]; nextCursor: string | null }> {
    const wanted = labelFilter(query.label ?? []);
    const items: Sandbox[] = [];
    let cursor = query.cursor ? parseCursor(query.cursor) : null;
    // Filters thin out a page: go on until it is full, for a bounded number of reads.
    for (let reads = 0; reads < 20; reads += 1) {
      const page = await store.page(project, query.limit - items.length, cursor);
      const found = await store.getMany(page.ids);
      items.push(
        ...found.map(({ record }) => record.sandbox).filter((sandbox) => matches(sandbox, query.phase, wanted)),
      );
      if (!page.nextCursor) return { items: await withPositions(items), nextCursor: null };
      cursor = parseCursor(toCursor(page.nextCursor));
      if (items.length >= query.limit)
        return { items: await withPositions(items), nextCursor: toCursor(page.nextCursor) };
    }
    return { items: await withPositions(items), nextCursor: cursor && toCursor(`${cursor.score}:${cursor.id}`) };
  }

  async function withPositions(sandboxes: Sandbox[]): Promise<Sandbox[]> {
    const queued = sandboxes.filter((sandbox) => ['pending', 'degraded'].includes(sandbox.status.phase));
    const places = await starts.positions(queued.map(({ id, status }) => ({ id, host: status.host })));
    const byId = new Map(queued.map((sandbox, i) => [sandbox.id, places[i] ?? null]));
    return sandboxes.map((sandbox) => ({
      ...sandbox,
      status: { ...sandbox.status, queuePosition: byId.get(sandbox.id) ?? null },
    }));
  }

  async function patch(project: string, id: string, body: SandboxPatch, ifMatch?: string): Promise<Sandbox> {
    await find(project, id);
    const updated = await store.update(id, (record) => {
      checkMatch(record, ifMatch);
      if (record.desired === 'deleted') throw new AppError('conflict', `${id} is being deleted.`);
      return merge(record, body);
    });
    if (!updated) throw notFound(id);
    return updated.sandbox;
  }

  async function remove(project: string, id: string, ifMatch?: string): Promise<Sandbox> {
    await find(project, id);
    const updated = await store.update(id, (record) => {
      checkMatch(record, ifMatch);
      return record.desired === 'deleted' ? null : { ...record, desired: 'deleted' };
    });
    if (!updated) throw notFound(id);
    await options.wake(updated.sandbox.status.host, id).catch((error: unknown) => {
      logger.warn({ sandboxId: id, err: error }, 'wake-up not sent, the sweep will find the deletion');
    });
    const { sandbox } = updated;
    return { ...sandbox, status: { ...sandbox.status, phase: 'deleting', endpoint: null } };
  }

  async function kubeconfigOf(project: string, id: string) {
    const { record, credentials } = await find(project, id);
    const { endpoint, phase } = record.sandbox.status;
    const opened = credentials();
    if (endpoint === null || !opened) {
      throw new AppError('kubeconfig_unavailable', `${id} is ${phase}; it has a kubeconfig once it is ready.`, {
        retryAfterSeconds: 1,
      });
    }
    return kubeconfig({ id, endpoint, credentials: opened });
  }

  async function logs(
    project: string,
    id: string,
    query: LogsQuery,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer>> {
    const { record } = await find(project, id);
    return options.readLogs({ sandboxId: id, host: record.sandbox.status.host, ...query }, signal);
  }

  const wait = createWait({ store, changes });

  return { create, get, list, patch, remove, wait, kubeconfig: kubeconfigOf, logs, hosts: hosts.alive };
}

function newRecord(input: {
  id: string;
  project: string;
  body: SandboxCreate;
  versions: { kubernetesVersion: string; etcdVersion: string };
  placed: { host: string; runtime: string };
}): SandboxRecord {
  const { id, project, body, versions, placed } = input;
  const now = new Date();
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
        runtime: placed.runtime as Sandbox['status']['runtime'],
        host: placed.host,
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

function merge(record: SandboxRecord, body: SandboxPatch): SandboxRecord {
  const { sandbox } = record;
  const labels = Object.entries({ ...sandbox.labels, ...body.labels }).filter(([, value]) => value !== null);
  if (labels.length > 64) throw invalidField('/labels', 'must have at most 64 labels, the present ones included');
  const ttl = body.spec?.ttlSeconds;
  return {
    ...record,
    sandbox: {
      ...sandbox,
      name: body.name ?? sandbox.name,
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

/** RFC 9110, 13.1.1: any of the listed tags, or `*`. */
function checkMatch(record: SandboxRecord, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  const current = `"${record.sandbox.resourceVersion}"`;
  if (tags.includes(current)) return;
  throw new AppError('precondition_failed', `The ETag is ${current} now. Read the sandbox and decide again.`);
}

function matches(sandbox: Sandbox, phase: Phase | undefined, labels: readonly [string, string][]): boolean {
  if (phase && sandbox.status.phase !== phase) return false;
  return labels.every(([key, value]) => sandbox.labels[key] === value);
}

function labelFilter(terms: readonly string[]): [string, string][] {
  return terms.map((term) => {
    const at = term.indexOf('=');
    if (at <= 0) throw invalidField('#query/label', `${term} is not key=value`);
    return [term.slice(0, at), term.slice(at + 1)];
  });
}

function toCursor(position: string): string {
  return Buffer.from(position).toString('base64url');
}

function parseCursor(cursor: string): { score: number; id: string } {
  const [, score, id] = /^(\d+):(sb-[0-9a-z]{20})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (!score || !id) throw invalidField('#query/cursor', 'is not a cursor of this service; begin without one');
  return { score: Number(score), id };
}
