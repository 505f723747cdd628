import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { addressesOfHost } from '../src/runtime/addresses.ts';
import { createCredentials } from '../src/runtime/pki.ts';
import { sendSignal } from '../src/runtime/process-signals.ts';
import { reachableAddress } from '../src/sandbox/service-network.ts';
import { cpuSecondsOf } from './proc.ts';
import type { Kind, Start } from './start.ts';

interface ScriptOptions {
  readonly letter: string;
  readonly name: string;
  /** The file name of a script in this folder. */
  readonly script: 'bare-start.sh' | 'template-start.sh';
  /** Each start gets a folder of its own in this one. */
  readonly folder: string;
  readonly binaries: { readonly etcd: string; readonly kubeApiserver: string };
  readonly templateDir: string;
}

const timeoutMs = 120_000;

/** A start by a shell script. Certificates and folder are made before the clock starts. */
export function scriptKind(options: ScriptOptions): Kind {
  return { letter: options.letter, name: options.name, start: (signal) => start(options, signal) };
}

async function start(options: ScriptOptions, signal: AbortSignal): Promise<Start> {
  const dir = await mkdtemp(path.join(options.folder, 'by-hand-'));
  await writeCertificates(path.join(dir, 'pki'));
  const [port, etcdPort, peerPort] = await freePorts(3);
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: dir,
    ETCD: options.binaries.etcd,
    KUBE_APISERVER: options.binaries.kubeApiserver,
    TEMPLATE: options.templateDir,
    ADDRESS: ownAddress(),
    PORT: String(port),
    ETCD_PORT: String(etcdPort),
    PEER_PORT: String(peerPort),
  };
  signal.throwIfAborted();
  const began = performance.now();
  // In a process group of its own, so that one signal ends all of it.
  const script = spawn(path.join(import.meta.dirname, options.script), [dir], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = () => endGroup(script, dir);
  try {
    const pids = await acceptance(script, signal);
    const ms = performance.now() - began;
    // The shell itself, with the curls and sleeps that it has awaited.
    const cpuSeconds = await cpuSecondsOf({ ...pids, 'shell and curls': script.pid as number });
    return { ms, cpuSeconds, parts: {}, pids, end };
  } catch (error) {
    // It may have failed before there was a log.
    const log = await readFile(path.join(dir, 'kube-apiserver.log'), 'utf8').catch(() => '');
    await end();
    throw new Error(`${options.script} failed: ${(error as Error).message}\n${log.slice(-2000)}`, { cause: error });
  }
}

/** Resolves with the pids of etcd and kube-apiserver when the script says that a write was accepted. */
async function acceptance(script: ChildProcess, signal: AbortSignal): Promise<Record<string, number>> {
  const pids: Record<string, number> = {};
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const lines = createInterface({ input: script.stdout as NodeJS.ReadableStream, signal: limit });
  for await (const line of lines) {
    if (line === 'accepted') return pids;
    const [, name, pid] = /^pid (\S+) (\d+)$/.exec(line) ?? [];
    if (name) pids[name] = Number(pid);
  }
  limit.throwIfAborted();
  throw new Error('it ended before a write was accepted');
}

async function endGroup(script: ChildProcess, dir: string): Promise<void> {
  const closed = script.stdout?.closed || script.exitCode !== null;
  const ended = closed ? undefined : new Promise((resolve) => script.once('close', resolve));
  sendSignal(-(script.pid as number), 'SIGKILL');
  await ended;
  await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

async function writeCertificates(dir: string): Promise<void> {
  const made = await createCredentials(['127.0.0.1', 'localhost', '10.96.0.1', 'kubernetes.default.svc']);
  const files = {
    'ca.crt': made.caCert,
    'server.crt': made.serverCert,
    'server.key': made.serverKey,
    'sa.key': made.serviceAccountKey,
    'sa.pub': made.serviceAccountPub,
    'user.crt': made.adminCert,
    'user.key': made.adminKey,
  };
  await mkdir(dir);
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(dir, name), content, { mode: 0o600 });
}

/** Throws when this machine has no IPv4 address that others could reach. */
function ownAddress(): string {
  const found = reachableAddress(addressesOfHost(), 'ipv4');
  if (!found) throw new Error('this machine has no IPv4 address but those that only it reaches');
  return found;
}

/** Free ports, all held at the same time until the last is found, so that no two are the same. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', resolve);
      });
      const address = server.address();
      return typeof address === 'object' && address ? address.port : 0;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
