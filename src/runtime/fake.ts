import { setTimeout as delay } from 'node:timers/promises';
import type { AppError } from '../errors.ts';
import { componentExited, dataLost, noLogYet, portTaken } from './component-errors.ts';
import {
  type ComponentSpec,
  type LogOptions,
  logTailLines,
  type ObservedComponent,
  type Runtime,
  type SandboxPlan,
} from './driver.ts';
import { isPortFree } from './ports.ts';

/** Called at each start: a test can wait in it, throw, or return the last log line of a component that is to die. */
export type StartHook = (plan: SandboxPlan, component: ComponentSpec) => Promise<{ diesWith: string } | undefined>;

interface FakeComponent {
  readonly spec: ComponentSpec;
  readonly lines: string[];
  state: 'running' | 'exited';
  exitCode: number | null;
}

interface FakeSandbox {
  readonly components: Map<string, FakeComponent>;
  hasData: boolean;
}

/**
 * A runtime in memory, for tests with thousands of sandboxes and for tests of what happens in which order. The
 * conformance suite checks that it behaves as the real ones do. Limits of a component are not applied.
 */
export function createFakeRuntime({ onStart }: { onStart?: StartHook } = {}): Runtime {
  const sandboxes = new Map<string, FakeSandbox>();

  async function start(plan: SandboxPlan, spec: ComponentSpec, signal: AbortSignal): Promise<void> {
    const sandbox = sandboxes.get(plan.sandboxId);
    if (!sandbox) throw new Error('start before prepare');
    const before = sandbox.components.get(spec.name);
    if (before?.state === 'running' && before.spec.specHash === spec.specHash) return;
    signal.throwIfAborted();
    if (spec.port !== null && !(await portIsFree(sandboxes, plan.sandboxId, spec.port))) {
      throw portTaken(spec.port);
    }
    const component: FakeComponent = { spec, lines: before?.lines ?? [], state: 'running', exitCode: null };
    sandbox.components.set(spec.name, component);
    component.lines.push(sandbox.hasData ? 'restarting local member' : 'starting local member');
    const fate = await onStart?.(plan, spec);
    signal.throwIfAborted();
    if (fate) throw die(component, fate.diesWith);
    sandbox.hasData = true;
    if (spec.accepts) component.lines.push('ready to serve client requests');
  }

  return {
    name: 'fake',
    root: '/sandboxes',
    start,
    async prepare({ sandboxId, mustHaveData }) {
      if (mustHaveData && !sandboxes.get(sandboxId)?.hasData) throw dataLost(`${sandboxId} is not there`);
      if (!sandboxes.has(sandboxId)) sandboxes.set(sandboxId, { components: new Map(), hasData: false });
    },
    async observe(sandboxId) {
      const found = [...sandboxes].filter(([id]) => sandboxId === undefined || id === sandboxId);
      return found.map(([id, { components }]) => ({
        sandboxId: id,
        components: [...components.values()].map(observed),
      }));
    },
    async stop(id, name) {
      const component = sandboxes.get(id)?.components.get(name);
      if (component?.state === 'running') Object.assign(component, { state: 'exited', exitCode: 0 });
    },
    async remove(id) {
      sandboxes.delete(id);
    },
    async logs(id, name, options) {
      const component = sandboxes.get(id)?.components.get(name);
      if (!component) throw noLogYet();
      return linesOf(component.lines, () => sandboxes.has(id), options);
    },
    etcdSocket: async () => null,
    // Its logs live in memory for as long as a test.
    rotateLogs: async () => {},
  };
}

/** Lets the component exit, and returns the error that says so. */
function die(component: FakeComponent, lastLine: string): AppError {
  Object.assign(component, { state: 'exited', exitCode: 1 });
  component.lines.push(lastLine);
  const { name } = component.spec;
  return componentExited(name, { exitCode: 1 }, component.lines.slice(-logTailLines));
}

async function portIsFree(sandboxes: ReadonlyMap<string, FakeSandbox>, id: string, port: number): Promise<boolean> {
  for (const [other, { components }] of sandboxes) {
    if (other === id) continue;
    for (const { spec, state } of components.values()) if (state === 'running' && spec.port === port) return false;
  }
  return await isPortFree(port, '127.0.0.1');
}

function observed({ spec, state, exitCode }: FakeComponent): ObservedComponent {
  return { name: spec.name, state, specHash: spec.specHash, exitCode, pid: null, address: null };
}

async function* linesOf(
  lines: readonly string[],
  isThere: () => boolean,
  { tail, follow, signal }: LogOptions,
): AsyncGenerator<Buffer> {
  for (let at = Math.max(0, lines.length - tail); ; ) {
    for (; at < lines.length; at += 1) yield Buffer.from(`${lines[at]}\n`);
    if (!follow || signal.aborted || !isThere()) return;
    // The rejection says that the reader has left, which the loop finds out by itself.
    await delay(10, undefined, { signal }).catch(() => undefined);
  }
}
