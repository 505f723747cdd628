import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { createProcessRuntime } from '../../src/runtime/process.ts';
import { readLog } from '../../src/runtime/process-logs.ts';
import { newSandboxId } from '../../src/sandbox/record.ts';
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

t.test('a log that has grown is moved aside when logs are rotated, and not by observing', async (t) => {
  const root = await temporaryFolder();
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const binaryOf = async () => '/nowhere';
  const runtime = createProcessRuntime({ root, binaryOf, userIds: null, bindAddress: '127.0.0.1' });
  const logs = path.join(root, 'service', newSandboxId(), 'logs');
  await mkdir(logs, { recursive: true });
  const [large, small] = [path.join(logs, 'kube-apiserver.log'), path.join(logs, 'etcd.log')];
  await writeFile(large, Buffer.alloc(10 * 1024 * 1024, 'x'));
  await writeFile(small, 'short\n');
  const sizeOf = async (file: string) => (await stat(file)).size;

  await runtime.observe();
  t.equal(await sizeOf(large), 10 * 1024 * 1024);
  await runtime.rotateLogs();
  t.equal(await sizeOf(large), 0);
  t.equal(await sizeOf(`${large}.1`), 10 * 1024 * 1024);
  t.equal(await readFile(small, 'utf8'), 'short\n');
});
