import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { call, notAnswering, orNull } from '../docker/calls.ts';
import { AppError, isAppError } from '../errors.ts';
import { localImageReference, pathInImage } from './catalog.ts';

/** The longest time between two messages of a pull or build. */
const silenceTimeoutMs = 120_000;

/**
 * Pulls an image. Throws the daemon's own message: a failed pull is answered by 200 with an error among its messages.
 */
export async function pullImage(docker: Docker, reference: string, tell: (message: string) => void): Promise<void> {
  tell(`pulling ${reference}`);
  const stream = await call(docker.pull(reference));
  await readMessages(stream, (message) => {
    if (typeof message.status === 'string' && message.status.startsWith('Status:')) tell(message.status);
  });
  // A pull that was cut off may have no error among its messages: ask whether the image is there.
  await call(docker.getImage(reference).inspect());
}

/** Makes an image FROM scratch that holds the binary and nothing else. Returns its reference. */
export async function makeLocalImage(
  docker: Docker,
  binary: { name: string; version: string; file: string; sha256: string },
): Promise<string> {
  const { name, version, file, sha256 } = binary;
  const reference = localImageReference(name, version, sha256);
  const dockerfile = [
    'FROM scratch',
    `COPY ${name} ${pathInImage(name)}`,
    `LABEL io.sandplane.component="${name}" io.sandplane.version="${version}" io.sandplane.sha256="${sha256}"`,
    'USER 65532:65532',
    '',
  ].join('\n');
  const context = pack();
  const packing = (async () => {
    const { size } = await stat(file);
    context.entry({ name: 'Dockerfile', mtime: new Date(0) }, dockerfile);
    const entry = context.entry({ name, size, mode: 0o755, mtime: new Date(0) });
    await pipeline(createReadStream(file), entry);
    context.finalize();
  })();
  const building = call(docker.buildImage(context as never, { t: reference, forcerm: true }), silenceTimeoutMs);
  const [stream] = await Promise.all([building, packing]);
  await readMessages(stream);
  return reference;
}

/** The reference of the image that was made here out of this binary, or null. */
export async function findLocalImage(
  docker: Docker,
  name: string,
  version: string,
  sha256: string,
): Promise<string | null> {
  const reference = localImageReference(name, version, sha256);
  const image = await findImage(docker, reference);
  return image?.Config.Labels?.['io.sandplane.sha256'] === sha256 ? reference : null;
}

export async function findImage(docker: Docker, reference: string): Promise<Docker.ImageInspectInfo | null> {
  return await orNull(docker.getImage(reference).inspect());
}

interface Message {
  readonly error?: string;
  readonly status?: string;
}

/** Reads JSON messages, one a line. Throws the first error among them. */
async function readMessages(stream: NodeJS.ReadableStream, onMessage?: (message: Message) => void): Promise<void> {
  let rest = '';
  const iterator = stream[Symbol.asyncIterator]();
  for (;;) {
    const next = await call(iterator.next() as Promise<IteratorResult<Buffer | string>>, silenceTimeoutMs).catch(
      // The daemon has ended in the middle of it.
      (error: Error) => Promise.reject(isAppError(error) ? error : notAnswering(error)),
    );
    const lines = (rest + (next.done ? '\n' : String(next.value))).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((one) => one.trim())) {
      const message = JSON.parse(line) as Message;
      if (message.error) throw new AppError('runtime_refused', `Docker: ${message.error}`);
      onMessage?.(message);
    }
    if (next.done) return;
  }
}
