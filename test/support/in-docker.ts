import type Docker from 'dockerode';
import { labels } from '../../src/runtime/docker-labels.ts';

/** The containers, by their names, and volumes of a daemon that bear the id of a sandbox. */
export async function inDocker(docker: Docker, id: string): Promise<string[]> {
  const filters = { label: [`${labels.sandbox}=${id}`] };
  const containers = await docker.listContainers({ all: true, filters });
  const { Volumes } = await docker.listVolumes({ filters });
  return [...containers.map(({ Names }) => Names[0] ?? ''), ...(Volumes ?? []).map(({ Name }) => Name)];
}
