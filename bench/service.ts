import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Sandbox } from '../src/schemas/sandbox.ts';
import { redisSocketIn } from '../src/start/embedded-redis.ts';
import { findRedisServer } from '../src/start/redis-server.ts';
import { end, runProgram, untilUp } from '../test/support/program.ts';
import { directFetch } from './direct-fetch.ts';

const root = path.join(import.meta.dirname, '..');
const adminKey = 'sp_admin_only-for-the-bench-0123456789';
export const workerName = 'bench';

export type Send = (
  method: string,
  target: string,
  headers?: Record<string, string>,
  body?: object,
  /** Ends the request. */
  signal?: AbortSignal,
) => Promise<Response>;

/** The service as users run it: src/main.ts as a process of its own, with a Redis of its own. */
export interface Service {
  /** The time from its start until it listens. */
  readonly startMs: number;
  readonly pids: { readonly service: number; readonly redis: number };
  /** The answer, whatever its status. */
  send: Send;
  /** As `send`, but throws when the status is not of success. */
  call(method: string, target: string, headers?: Record<string, string>, body?: object): Promise<Response>;
  sandbox(response: Response): Promise<Sandbox>;
  /** Resolves when a sandbox that is being deleted is gone. */
  deleted(id: string, headers?: Record<string, string>): Promise<void>;
}

export interface ServiceOptions {
  readonly dataDir: string;
  readonly cacheDir: string;
  readonly componentsDir: string;
  /** What is run instead of src/main.ts. */
  readonly program?: string;
  /** More settings of the service. */
  readonly settings?: Readonly<Record<string, string>>;
}

export function serviceEnvironment({
  dataDir,
  cacheDir,
  componentsDir,
  settings,
}: ServiceOptions): Record<string, string> {
  const { PATH = '', DOCKER_HOST } = process.env;
  return {
    PATH,
    HOME: dataDir,
    ...(DOCKER_HOST ? { DOCKER_HOST } : {}),
    SANDPLANE_DATA_DIR: dataDir,
    SANDPLANE_CACHE_DIR: cacheDir,
    SANDPLANE_COMPONENTS_DIR: componentsDir,
    SANDPLANE_ADMIN_KEY: adminKey,
    SANDPLANE_PORT: '0',
    SANDPLANE_GRPC_PORT: '0',
    SANDPLANE_METRICS_PORT: '0',
    SANDPLANE_WORKER_NAME: workerName,
    // Others than those of a service that the user of this machine may be running.
    SANDPLANE_PORT_RANGE: '19000-19999',
    SANDPLANE_UID_BASE: '1900000',
    SANDPLANE_DEMO: 'false',
    ...settings,
  };
}

/** The arguments that `npm start` gives to node, after `exec node`: its memory settings included. */
function startArguments(program = 'src/main.ts'): string[] {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  return [...scripts.start.split(' ').slice(2, -1), program];
}

/** Starts the service and resolves when it listens. Throws with its output when it ends before. */
export async function startService(options: ServiceOptions, onSpawn: (child: ChildProcess) => void): Promise<Service> {
  const began = performance.now();
  const env = serviceEnvironment(options);
  const command = [process.execPath, ...startArguments(options.program)];
  // Detached, so that Ctrl-C ends only the benchmark, which then stops the service.
  const program = runProgram(command, /Sandplane listens at (\S+)/, { cwd: root, env, detached: true });
  onSpawn(program.child);
  const [url = ''] = await untilUp(program, 'the service');
  const startMs = performance.now() - began;
  const pids = { service: program.child.pid as number, redis: await redisPidIn(options.dataDir) };
  return { startMs, pids, ...callerOf(url) };
}

/** Throws where none runs. */
export async function redisPidIn(dataDir: string): Promise<number> {
  const redis = await findRedisServer(redisSocketIn(dataDir));
  if (!redis) throw new Error(`no redis-server runs in ${dataDir}`);
  return redis.pid;
}

export function callerOf(url: string): Pick<Service, 'send' | 'call' | 'sandbox' | 'deleted'> {
  const send: Send = (method, target, headers = {}, body, signal) =>
    directFetch(`${url}${target}`, {
      method,
      headers: {
        authorization: `Bearer ${adminKey}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      ...(signal ? { signal } : {}),
    });
  return {
    send,
    async call(method, target, headers, body) {
      const response = await send(method, target, headers, body);
      if (!response.ok) throw new Error(`${method} ${target}: ${response.status} ${await response.text()}`);
      return response;
    },
    sandbox: async (response) => (await response.json()) as Sandbox,
    async deleted(id, headers) {
      const { status } = await send('GET', `/v1/sandboxes/${id}/wait?for=deleted&timeout=60`, headers);
      // 404: it was gone before the request.
      if (status !== 200 && status !== 404) throw new Error(`${id} was not deleted: ${status}`);
    },
  };
}

/** Stops the service and removes all that it made, by the command that users have for it. */
export async function removeService(options: ServiceOptions, child: ChildProcess): Promise<void> {
  await end(child, 'SIGTERM');
  // Detached, so that a second Ctrl-C does not stop it.
  const stopAll = spawn(process.execPath, ['src/cli/stop-all.ts'], {
    cwd: root,
    env: serviceEnvironment(options),
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(stopAll, 'exit');
  if (code !== 0) throw new Error(`stop-all ended with ${code}`);
}
