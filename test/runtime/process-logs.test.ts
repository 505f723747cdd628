import { appendFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { readLog } from '../../src/runtime/process-logs.ts';
import { temporaryFolder } from '../support/service.ts';

t.test('what was written right before the end of a log is read', async (t) => {
  const dir = await temporaryFolder();
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const file = path.join(dir, 'etcd.log');
  await writeFile(file, 'first\n');
  const { signal } = new AbortController();
  let text = '';
  for await (const chunk of await readLog(file, { tail: 10, follow: true, signal })) {
    text += chunk.toString();
    if (text !== 'first\n') continue;
    await appendFile(file, 'last\n');
    await rm(file);
  }
  t.equal(text, 'first\nlast\n');
});
