import path from 'node:path';
import { type SocketProxy, socketProxy } from './socket-proxy.ts';

export interface DockerProxy extends SocketProxy {
  /** What DOCKER_HOST has to be. */
  readonly host: string;
}

/** Where the daemon of a machine listens. */
export const dockerSocket = '/var/run/docker.sock';

/** In front of the daemon of this machine, which tests share. */
export function dockerProxy(dir: string): DockerProxy {
  const socket = path.join(dir, 'docker.sock');
  return { ...socketProxy(socket, dockerSocket), host: `unix://${socket}` };
}
