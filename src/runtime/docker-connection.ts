import http from 'node:http';
import https from 'node:https';
import Docker from 'dockerode';
import pTimeout from 'p-timeout';
import { AppError } from '../errors.ts';

const answerTimeoutMs = 2000;
/** A connection that nobody uses is closed, as by the agents of Node. */
const idleTimeoutMs = 5000;

/**
 * A client of the daemon that DOCKER_HOST and its TLS variables name, else of the local socket. It speaks the newest API
 * version of that daemon. Null when no local daemon answers; throws `runtime_unavailable` when one that was named does not.
 */
export async function connectDocker(env: Record<string, string | undefined>): Promise<Docker | null> {
  try {
    // docker-modem reads DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH itself.
    const first = client();
    const asked: Promise<{ ApiVersion: string }> = first.version();
    const message = `no answer within ${answerTimeoutMs / 1000} s`;
    const { ApiVersion } = await pTimeout(asked, { milliseconds: answerTimeoutMs, message });
    return client({ version: `v${ApiVersion}` });
  } catch (error) {
    // Who names a daemon wants that one and no other runtime instead of it.
    if (!env.DOCKER_HOST) return null;
    const { message } = error as Error;
    const detail = `DOCKER_HOST: no Docker daemon answers at ${env.DOCKER_HOST} (${message}). Start it, unset DOCKER_HOST, or set SANDPLANE_RUNTIME to process to do without.`;
    throw new AppError('runtime_unavailable', detail, { cause: error });
  }
}

/** With an agent of its own: where NODE_USE_ENV_PROXY is set, those of Node ask a proxy for any address. */
function client(options: Docker.DockerOptions = {}): Docker {
  const docker = new Docker(options);
  // docker-modem finds out itself which protocol it is.
  const modem = docker.modem as unknown as { readonly protocol: string; agent: http.Agent };
  const { Agent } = modem.protocol === 'https' ? https : http;
  modem.agent = new Agent({ keepAlive: true, timeout: idleTimeoutMs });
  return docker;
}
