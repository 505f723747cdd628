import t from 'tap';
import { createFakeRuntime } from '../../src/runtime/fake.ts';
import { refusal, runtimeConformance } from './runtime-conformance.ts';

const runtime = createFakeRuntime({
  onStart: async (_plan, { specHash }) => (specHash === 'broken' ? { diesWith: refusal } : undefined),
});
runtimeConformance(t, {
  runtime,
  listenAddress: '127.0.0.1',
  removeData: runtime.remove,
  emptyData: runtime.remove,
});
