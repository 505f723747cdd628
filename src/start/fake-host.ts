import { setTimeout as delay } from 'node:timers/promises';
import type { HostRuntime } from '../reconcile/worker-context.ts';
import { createFakeRuntime } from '../runtime/fake.ts';
import type { HostParts } from './host.ts';

/**
 * The parts of a host that touch the machine, in memory: tests and benchmarks use them with the real worker, queue
 * and store. Each start takes `startMs()`. Besides the runtime `process`, it offers those of `more`.
 */
export function fakeHostParts(startMs: () => number = () => 0, more: readonly string[] = []): HostParts {
  const fake = (): HostRuntime => ({
    runtime: createFakeRuntime(),
    obtain: async () => 'there',
    listenAddress: '127.0.0.1',
    ownAddresses: () => [],
  });
  return {
    openRuntimes: async () => ({
      runtimes: new Map(['process', ...more].map((name) => [name, fake()])),
      defaultRuntime: 'process',
      components: { versions: async () => [] } as never,
      templates: { find: async () => null, ensure: async () => null, settled: async () => undefined } as never,
      docker: null as never,
    }),
    async launch({ plan, runtime, signal }) {
      await runtime.prepare(plan, signal);
      if (startMs() > 0) await delay(startMs(), undefined, { signal });
      // Nothing listens there: whether the port is free does not matter.
      for (const component of plan.components) await runtime.start(plan, { ...component, port: null }, signal);
      return { etcdMs: 1, apiServerMs: 1, firstWriteMs: 1 };
    },
    createHealthChecks: () => ({ look: async () => 'ready', forget: () => undefined, close: () => undefined }),
  };
}
