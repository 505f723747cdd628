import { rm } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { createComponents } from '../../src/components/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createProcessRuntime } from '../../src/runtime/process.ts';
import { userIdsFrom } from '../../src/runtime/user-ids.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';
import { runtimeConformance } from './runtime-conformance.ts';

t.setTimeout(300_000);
const root = await temporaryFolder();
t.teardown(() => rm(root, { recursive: true, force: true }));
const config = loadConfig(testEnvironment(root));
const components = createComponents({ config: config.components, cacheDir: config.cacheDir });
const userIds = await userIdsFrom(config.uidBase);

runtimeConformance(t, {
  runtime: createProcessRuntime({ root, binaryOf: components.binary, userIds, bindAddress: '127.0.0.1' }),
  listenAddress: '127.0.0.1',
  removeData: (id) => rm(path.join(root, id), { recursive: true }),
  emptyData: (id) => rm(path.join(root, id, 'etcd'), { recursive: true }),
});
