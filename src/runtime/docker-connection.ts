import http from 'node:http';
import https from 'node:https';
import Docker from 'dockerode';
import { call, inItsWords, notAnswering } from '../docker/calls.ts';
import { type DockerAddress, dockerAddress } from './docker-address.ts';

const answerTimeoutMs = 2000;
/** A connection that nobody uses is closed, as by the agents of Node. */
const idleTimeoutMs = 5000;

/** A daemon, whether or not it is there now. */
export interface DockerDaemon {
  readonly docker: Docker;
  readonly address: DockerAddress;
  /** Asks for its newest API version, which `docker` then speaks. Returns why it does not answer; null: it does. */
  ask(): Promise<string | null>;
}

/** The daemon that the docker command would ask. Throws when what names it cannot be read. */
export function dockerDaemon(address = dockerAddress()): DockerDaemon {
  const [asking, docker] = [client(address), client(address)];
  async function askOnce(): Promise<string | null> {
    try {
      const { ApiVersion } = (await call(asking.version(), answerTimeoutMs)) as { ApiVersion: string };
      modemOf(docker).version = `v${ApiVersion}`;
      return null;
    } catch (error) {
      // Which of two local sockets is there is found out anew.
      for (const one of [asking, docker]) modemOf(one).socketPathCache = undefined;
      // A request that nobody waits for any more would keep its connection.
      modemOf(asking).agent.destroy();
      return (error as Error).message;
    }
  }
  return {
    docker,
    address,
    // Also when this process has stood still an answer comes too late: that is no absence of the daemon's.
    ask: async () => (await askOnce()) && (await askOnce()),
  };
}

/** A client of the daemon; null when it does not answer now, or when what names it cannot be read. */
export async function connectDocker(): Promise<Docker | null> {
  try {
    const daemon = dockerDaemon();
    return (await daemon.ask()) === null ? daemon.docker : null;
  } catch {
    return null;
  }
}

/** What docker-modem is, where its types do not tell: `dial` sends every request of dockerode. */
interface Modem {
  readonly protocol: string;
  version: string | undefined;
  socketPathCache: unknown;
  agent: http.Agent;
  dial(options: unknown, callback: (error: Error | null, result: unknown) => void): void;
}

/**
 * With an agent of its own: where NODE_USE_ENV_PROXY is set, those of Node ask a proxy for any address. What a
 * call throws is of ours, whoever makes it: `runtime_unavailable` or `runtime_refused`.
 */
function client({ options, isVerified }: DockerAddress): Docker {
  const docker = new Docker(options);
  const modem = modemOf(docker);
  // docker-modem finds out itself which protocol it is.
  const { Agent } = modem.protocol === 'https' ? https : http;
  modem.agent = new Agent({
    keepAlive: true,
    timeout: idleTimeoutMs,
    ...(isVerified ? {} : { rejectUnauthorized: false }),
  });
  const dial = modem.dial.bind(modem);
  modem.dial = (request, callback) => dial(request, (error, result) => callback(error && classified(error), result));
  return docker;
}

const modemOf = (docker: Docker) => docker.modem as unknown as Modem;

function classified(error: Error): Error {
  if (error.name === 'AbortError') return error;
  return 'statusCode' in error ? inItsWords(error as Parameters<typeof inItsWords>[0]) : notAnswering(error);
}
