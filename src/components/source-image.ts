import path from 'node:path';
import type Docker from 'dockerode';
import { call } from '../docker/calls.ts';
import { imageReference, pathInImage } from './catalog.ts';
import { findImage, pullImage } from './docker-images.ts';
import type { Source, Wanted } from './source.ts';
import { takeFromTar } from './take-from-tar.ts';

/** The published image, pulled by Docker. The binary is copied out of a container that is never started. */
export function imageSource(docker: Docker | undefined, registry: string): Source {
  return {
    name: 'image',
    async fetch(wanted) {
      if (!docker) throw new Error('no Docker daemon answers');
      if (process.platform !== 'linux') throw new Error('images hold Linux binaries');
      const reference = imageReference(registry, wanted.name, wanted.version);
      if (!(await findImage(docker, reference))) await pullImage(docker, reference, wanted.tell);
      return await copyOut(docker, reference, wanted);
    },
  };
}

async function copyOut(docker: Docker, reference: string, { name, workDir }: Wanted): Promise<string> {
  const source = pathInImage(name);
  const container = await call(docker.createContainer({ Image: reference, Cmd: [source] }));
  try {
    const archive = await call(container.getArchive({ path: source }));
    const target = path.join(workDir, name);
    const found = await takeFromTar([archive], ({ type }) => type === 'file', target);
    if (!found) throw new Error(`${reference} has no file ${source}`);
    return target;
  } finally {
    await call(container.remove({ force: true }));
  }
}
