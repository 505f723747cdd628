import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { protoPath } from 'grpc-health-check';
import { type AppDependencies, buildApp } from '../src/app.ts';
import { openApiDocuments } from '../src/http/openapi/documents.ts';
import { createLogger } from '../src/logger.ts';

/**
 * Writes the OpenAPI documents from the routes, and the descriptors from the .proto file. With `--check` it writes
 * nothing and exits with 1 when a file is not up to date.
 */
const root = path.join(import.meta.dirname, '..');
const folder = path.join(root, 'openapi');
const healthProtos = path.join(path.dirname(protoPath), '..', '..');

// No handler is called, so the dependencies can be missing.
const app = await buildApp({
  ...({} as AppDependencies),
  corsOrigins: [],
  trustedProxies: [],
  logger: createLogger('silent'),
});
const { v31, v30 } = openApiDocuments(app);
await app.close();

const made: Readonly<Record<string, Buffer>> = {
  'openapi.json': toJson(v31),
  'openapi-3.0.json': toJson(v30),
  // Two sets of descriptors, one after the other, are one set with both (Protocol Buffers, "Last One Wins").
  'sandbox.binpb': Buffer.concat([await descriptors('.', root), await descriptors('.', healthProtos)]),
};
for (const [name, content] of Object.entries(made)) {
  const file = path.join(folder, name);
  if (!process.argv.includes('--check')) await writeFile(file, content);
  // A file that cannot be read differs from what it should be.
  else if (!(await readFile(file).catch(() => Buffer.of())).equals(content)) {
    process.stderr.write(`openapi/${name} is not what the code says. Run: npm run contracts\n`);
    process.exitCode = 1;
  }
}

function toJson(document: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}

/** The descriptors that buf makes from a folder with .proto files. */
async function descriptors(input: string, cwd: string): Promise<Buffer> {
  const args = ['build', input, '--as-file-descriptor-set', '--exclude-source-info', '-o', '-'];
  const { stdout } = await execa('buf', args, { cwd, encoding: 'buffer', preferLocal: true, localDir: root });
  return Buffer.from(stdout);
}
