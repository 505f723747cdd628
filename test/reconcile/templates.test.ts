import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { createLogger } from '../../src/logger.ts';
import { createTemplates, removeAbandonedTemplates } from '../../src/reconcile/templates.ts';
import { createFakeRuntime } from '../../src/runtime/fake.ts';
import { temporaryFolder } from '../support/service.ts';

t.test('where no template can be kept, sandboxes start without one', async (t) => {
  const dir = await temporaryFolder();
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  // A file where the folder should be: nothing in it can be looked at.
  await writeFile(path.join(dir, 'templates'), '');
  const runtimeAt = () => createFakeRuntime();
  const options = { folder: path.join(dir, 'templates'), runtimeAt, logger: createLogger('silent') };
  await t.resolves(removeAbandonedTemplates(options));
  const { ensure } = createTemplates({ ...options, signal: new AbortController().signal });
  t.equal(await ensure('1.37.2', '3.6.16'), null);
  t.equal(await ensure('1.36.3', '3.6.16'), null, 'of other versions too');
});
