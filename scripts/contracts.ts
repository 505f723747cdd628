import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type AppDependencies, buildApp } from '../src/app.ts';
import { createLogger } from '../src/logger.ts';

/** Writes openapi/openapi.json from the routes; with `--check` only tells whether it is as it should be. */
const file = path.join(import.meta.dirname, '..', 'openapi', 'openapi.json');

// Only the shape of the routes is asked for: no handler is ever called.
const app = await buildApp({
  ...({} as AppDependencies),
  corsOrigins: [],
  trustedProxies: [],
  logger: createLogger('silent'),
});
const document = `${JSON.stringify(app.swagger(), null, 2)}\n`;
await app.close();

if (!process.argv.includes('--check')) {
  await writeFile(file, document);
} else if ((await readFile(file, 'utf8').catch(() => '')) !== document) {
  process.stderr.write('openapi/openapi.json is not what the routes say. Run: npm run contracts\n');
  process.exitCode = 1;
}
