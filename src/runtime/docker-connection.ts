import Docker from 'dockerode';
import pTimeout from 'p-timeout';

const answerTimeoutMs = 2000;

/**
 * A client of the daemon that DOCKER_HOST and its TLS variables name, else of the local socket. It speaks the newest API
 * version of that daemon. Null when no local daemon answers; throws when one that was named does not.
 */
export async function connectDocker(env: Record<string, string | undefined>): Promise<Docker | null> {
  try {
    // docker-modem reads DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH itself.
    const first = new Docker();
    const asked: Promise<{ ApiVersion: string }> = first.version();
    const { ApiVersion } = await pTimeout(asked, { milliseconds: answerTimeoutMs });
    return new Docker({ version: `v${ApiVersion}` });
  } catch (error) {
    // Who names a daemon wants that one and no other runtime instead of it.
    if (env.DOCKER_HOST) throw new Error(`DOCKER_HOST does not answer: ${(error as Error).message}`, { cause: error });
    return null;
  }
}
