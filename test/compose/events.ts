import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { lastLines } from '../../src/runtime/docker-logs.ts';

const timeoutMs = 90_000;

/** Resolves when the container's healthcheck says healthy. Throws with its log when it does not in time. */
export async function untilHealthy(docker: Docker, id: string): Promise<void> {
  const filters = { container: [id], event: ['health_status'] };
  // Listening begins before the look, so that nothing is missed between the two.
  const events = (await docker.getEvents({ filters })) as Readable;
  const timer = setTimeout(() => events.destroy(new Error('not healthy in time')), timeoutMs);
  try {
    for (;;) {
      const { State } = await docker.getContainer(id).inspect();
      if (State.Health?.Status === 'healthy') return;
      await once(events, 'data');
    }
  } catch (cause) {
    throw new Error(`${id} is not healthy; its log:\n${await lastLog(docker, id)}`, { cause });
  } finally {
    clearTimeout(timer);
    events.destroy();
  }
}

/** Resolves when the container has logged `text` since its last start. Throws with its log when it does not in time. */
export async function untilLogged(docker: Docker, id: string, text: string): Promise<void> {
  const container = docker.getContainer(id);
  const since = Date.parse((await container.inspect()).State.StartedAt) / 1000;
  const log = (await container.logs({ stdout: true, stderr: true, follow: true, since })) as Readable;
  const timer = setTimeout(() => log.destroy(), timeoutMs);
  let seen = '';
  try {
    for await (const chunk of log) {
      seen += String(chunk);
      if (seen.includes(text)) return;
    }
  } finally {
    clearTimeout(timer);
    log.destroy();
  }
  throw new Error(`${id} did not log "${text}"; its log:\n${await lastLog(docker, id)}`);
}

async function lastLog(docker: Docker, id: string): Promise<string> {
  return (await lastLines(docker.getContainer(id), 20)).join('\n');
}
