import { createCleanup } from '../cleanup.ts';
import { measureCreate, measureLatency } from './accept.ts';
import { startProcesses } from './processes.ts';

const cleanup = createCleanup();
try {
  const up = await startProcesses(cleanup, { startMs: 1000, slots: 2 });
  console.log(0);
  const created = await measureCreate(up, 3, 3);
  console.log(created);
  console.log('p99', await measureLatency(up, created.service[1] ?? 0, 5));
} finally {
  await cleanup.run();
}
process.exit();
