import http from 'node:http';
import https from 'node:https';
import Docker from 'dockerode';
import pTimeout from 'p-timeout';

const answerTimeoutMs = 2000;
/** A connection that nobody uses is closed, as by the agents of Node. */
const idleTimeoutMs = 5000;

/**
 * A client of the daemon that DOCKER_HOST and its TLS variables name, else of the local socket. It speaks the newest API
 * version of that daemon. Null when it does not answer, and `tell` is told why.
 */
export async function connectDocker(tell: (error: Error) => void = () => undefined): Promise<Docker | null> {
  try {
    // docker-modem reads DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH itself.
    const first = client();
    const asked: Promise<{ ApiVersion: string }> = first.version();
    const message = `no answer within ${answerTimeoutMs / 1000} s`;
    const { ApiVersion } = await pTimeout(asked, { milliseconds: answerTimeoutMs, message });
    return client({ version: `v${ApiVersion}` });
  } catch (error) {
    tell(error as Error);
    return null;
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
