import http from 'node:http';
import https from 'node:https';
import Docker from 'dockerode';
import pTimeout from 'p-timeout';
import { notAnswering } from './docker-client.ts';

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
    tell(((error as Error).cause ?? error) as Error);
    return null;
  }
}

/** What docker-modem is, where its types do not tell: `dial` sends every request of dockerode. */
interface Modem {
  readonly protocol: string;
  agent: http.Agent;
  dial(options: unknown, callback: (error: Error | null, result: unknown) => void): void;
}

/**
 * With an agent of its own: where NODE_USE_ENV_PROXY is set, those of Node ask a proxy for any address. A call that the
 * daemon does not answer is `runtime_unavailable`, whoever makes it; its answers are thrown as dockerode has them.
 */
function client(options: Docker.DockerOptions = {}): Docker {
  const docker = new Docker(options);
  const modem = docker.modem as unknown as Modem;
  // docker-modem finds out itself which protocol it is.
  const { Agent } = modem.protocol === 'https' ? https : http;
  modem.agent = new Agent({ keepAlive: true, timeout: idleTimeoutMs });
  const dial = modem.dial.bind(modem);
  modem.dial = (request, callback) => dial(request, (error, result) => callback(error && asAway(error), result));
  return docker;
}

function asAway(error: Error): Error {
  const isAnswer = 'statusCode' in error;
  return isAnswer || error.name === 'AbortError' ? error : notAnswering(error);
}
