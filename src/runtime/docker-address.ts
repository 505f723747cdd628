import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type Docker from 'dockerode';

/** Where a daemon is looked for. */
export interface DockerAddress {
  /** For people: what names it, and what that says. */
  readonly where: string;
  /** Whether somebody has named it: most machines have no Docker. */
  readonly isNamed: boolean;
  /** What docker-modem does not find out itself. */
  readonly options: Docker.DockerOptions;
  readonly isVerified: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What `docker context create` stores, as far as it is needed here. */
interface ContextFile {
  readonly Endpoints: { readonly docker?: { readonly Host?: string; readonly SkipTLSVerify?: boolean } };
}

/**
 * The daemon that the docker command would ask: of DOCKER_HOST and its TLS variables, which docker-modem reads itself; else of
 * the context of DOCKER_CONTEXT, or of the one in use (docs.docker.com/engine/manage-resources/contexts); else at the local
 * socket. Throws when a context is named that cannot be read.
 */
export function dockerAddress(env: Environment = process.env): DockerAddress {
  const { DOCKER_HOST } = env;
  if (DOCKER_HOST) return address(`at DOCKER_HOST, ${DOCKER_HOST}`, true);
  const folder = env.DOCKER_CONFIG || path.join(homedir(), '.docker');
  const context = env.DOCKER_CONTEXT || contextInUse(folder);
  if (!context || context === 'default') return address('at its socket', false);
  const { Host, SkipTLSVerify } = readContext(folder, context);
  const where = `of the Docker context ${context}, ${Host}`;
  return { ...address(where, true), options: optionsOf(Host, tlsFiles(folder, context)), isVerified: !SkipTLSVerify };
}

function address(where: string, isNamed: boolean): DockerAddress {
  return { where, isNamed, options: {}, isVerified: true };
}

function contextInUse(folder: string): string | undefined {
  const text = readIfThere(path.join(folder, 'config.json'));
  return text === null ? undefined : (JSON.parse(text.toString()) as { currentContext?: string }).currentContext;
}

/** Contexts are stored in folders that are named by a digest of their names. */
const folderOf = (context: string) => createHash('sha256').update(context).digest('hex');

function readContext(folder: string, context: string): { Host: string; SkipTLSVerify: boolean } {
  const file = path.join(folder, 'contexts', 'meta', folderOf(context), 'meta.json');
  const text = readIfThere(file);
  if (text === null) throw new Error(`there is no Docker context ${context} (no ${file})`);
  const { Host, SkipTLSVerify = false } = (JSON.parse(text.toString()) as ContextFile).Endpoints.docker ?? {};
  if (!Host) throw new Error(`the Docker context ${context} names no host (${file})`);
  return { Host, SkipTLSVerify };
}

function tlsFiles(folder: string, context: string): Pick<Docker.DockerOptions, 'ca' | 'cert' | 'key'> {
  const read = (name: string) => readIfThere(path.join(folder, 'contexts', 'tls', folderOf(context), 'docker', name));
  const [ca, cert, key] = [read('ca.pem'), read('cert.pem'), read('key.pem')];
  return { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

function optionsOf(host: string, tls: ReturnType<typeof tlsFiles>): Docker.DockerOptions {
  const local = /^(?:unix|npipe):\/\/(.+)$/.exec(host)?.[1];
  if (local) return { socketPath: local };
  const { protocol, hostname, port, username } = new URL(host);
  if (protocol === 'ssh:') {
    const { SSH_AUTH_SOCK: agent } = process.env;
    return { protocol: 'ssh', host: hostname, port: port || 22, username, ...(agent ? { sshOptions: { agent } } : {}) };
  }
  const isSecure = protocol === 'https:' || Object.keys(tls).length > 0;
  const usual = isSecure ? 2376 : 2375;
  return { protocol: isSecure ? 'https' : 'http', host: hostname, port: port || usual, ...tls };
}

function readIfThere(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
