import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type AppDependencies, buildApp } from '../src/app.ts';
import { openApiDocuments } from '../src/http/openapi/documents.ts';
import { createLogger } from '../src/logger.ts';

/** Writes the OpenAPI documents from the routes; with `--check` only tells whether they are as they should be. */
const folder = path.join(import.meta.dirname, '..', 'openapi');

// Only the shape of the routes is asked for: no handler is ever called.
const app = await buildApp({
  ...({} as AppDependencies),
  corsOrigins: [],
  trustedProxies: [],
  logger: createLogger('silent'),
});
const { v31, v30 } = openApiDocuments(app);
await app.close();

for (const [name, document] of Object.entries({ 'openapi.json': v31, 'openapi-3.0.json': v30 })) {
  const file = path.join(folder, name);
  const text = `${JSON.stringify(document, null, 2)}\n`;
  if (!process.argv.includes('--check')) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    process.stderr.write(`openapi/${name} is not what the routes say. Run: npm run contracts\n`);
    process.exitCode = 1;
  }
}
