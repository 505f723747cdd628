import Docker from 'dockerode';
import { withDeadline } from '../deadline.ts';

const answerTimeoutMs = 2000;

/**
 * A client of the daemon that DOCKER_HOST and its TLS variables name, else of the local socket, speaking the newest
 * version of the API that the daemon does. Null when none answers.
 */
export async function connectDocker(env: Record<string, string | undefined>): Promise<Docker | null> {
  try {
    // docker-modem reads DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH itself.
    const first = new Docker();
    const { ApiVersion } = (await withDeadline(first.version(), answerTimeoutMs, 'Docker')) as { ApiVersion: string };
    return new Docker({ version: `v${ApiVersion}` });
  } catch (error) {
    // Somebody who names a daemon wants that one: not to find it is told, not passed over.
    if (env.DOCKER_HOST) throw new Error(`DOCKER_HOST does not answer: ${(error as Error).message}`, { cause: error });
    return null;
  }
}
