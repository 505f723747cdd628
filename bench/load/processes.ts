import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import type { Cleanup } from '../cleanup.ts';
import { directFetch } from '../direct-fetch.ts';
import { startProgram } from '../program.ts';

const adminKey = 'sp_admin_only-for-the-bench-0123456789';

export interface LoadSetUp {
  /** Request headers with the service's admin key. */
  readonly admin: Record<string, string>;
  /** Request headers with a key of the project `default`. */
  readonly headers: Record<string, string>;
  /** URL of the service, whose API and worker are processes of their own. */
  readonly service: string;
  /** Its gRPC API, as host:port. */
  readonly grpc: string;
  readonly baseline: string;
}

/** Starts Redis as `npm start` has it (append-only, synced at each write), the service, and the baseline. */
export async function startProcesses(
  cleanup: Cleanup,
  { startMs, slots, settings = {} }: { startMs: number; slots: number; settings?: Record<string, string> },
): Promise<LoadSetUp> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'sp-load-'));
  cleanup.add(() => rm(dataDir, { recursive: true, force: true }));
  const redis = await startEmbeddedRedis(dataDir);
  cleanup.add(redis.stop);
  const env = {
    PATH: process.env.PATH ?? '',
    REDIS_URL: redis.url,
    SANDPLANE_DATA_DIR: dataDir,
    SANDPLANE_ADMIN_KEY: adminKey,
    SANDPLANE_SECRET_KEY: 'a'.repeat(64),
    SANDPLANE_PORT: '0',
    SANDPLANE_GRPC_PORT: '0',
    SANDPLANE_WORKER_NAME: 'bench',
    SANDPLANE_START_CONCURRENCY: String(slots),
    SANDPLANE_LOG_LEVEL: 'info',
    // So high that no request is refused.
    SANDPLANE_RATE_LIMIT: '1000000000',
    SANDPLANE_QUOTA_SANDBOXES: '1000000000',
    SANDPLANE_QUOTA_AWAKE: '1000000000',
    SANDPLANE_QUOTA_STARTS_PER_MINUTE: '1000000000',
    SANDPLANE_QUOTA_MEMORY_MIB: '1000000000',
    SANDPLANE_QUOTA_DISK_MIB: '1000000000',
    ...settings,
  };
  await startProgram(cleanup, ['bench/load/worker.ts', String(startMs)], env, /^working/m);
  const {
    found: [service = '', grpc = ''],
  } = await startProgram(cleanup, ['src/server.ts'], env, /"url":"(http[^"]+)","grpc":"([^"]+)"/);
  const headers = await headersOf(service, 'default');
  const created = await directFetch(`${service}/v1/sandboxes`, { method: 'POST', headers, body: '{}' });
  const {
    found: [baseline = ''],
  } = await startProgram(
    cleanup,
    ['bench/load/baseline.ts', redis.socket, await created.text()],
    env,
    /^listening (\S+)/m,
  );
  const admin = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  return { service, grpc, baseline, headers, admin };
}

/** Request headers with a new key of a project. */
export async function headersOf(service: string, project: string): Promise<Record<string, string>> {
  const answer = await directFetch(`${service}/v1/projects/${project}/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench', scopes: ['admin'] }),
  });
  const { secret } = (await answer.json()) as { secret: string };
  return { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
}
