import type { Runtime } from '../runtime/driver.ts';
import type { Credentials } from '../runtime/pki.ts';
import { type KubeClient, readyPath, requestTimeoutMs } from '../runtime/probe.ts';
import type { SandboxRecord } from '../sandbox/record.ts';
import { adminClient } from './launch.ts';

/** As kubelet's probes have it by default: one that fails may only tell that the machine is busy. */
const failureThreshold = 3;
/** A second more than a request may take. */
const standstillMs = requestTimeoutMs + 1000;

/**
 * What a look has found. `late`: all components run, and the API server has not said that it is ready, its etcd included;
 * `hung`: at three looks in a row. `exited`: not all run.
 */
export type Look = 'ready' | 'late' | 'hung' | 'exited';

interface Probed {
  readonly port: number;
  readonly client: KubeClient;
  /** One after the other. */
  failures: number;
}

export type HealthChecks = ReturnType<typeof createHealthChecks>;

/** Looks whether sandboxes are ready. Connections are kept: a TLS handshake for every look would cost more. */
export function createHealthChecks({ probeHost }: { probeHost: string }) {
  const clients = new Map<string, Probed>();

  function probedOf(id: string, port: number, credentials: () => Credentials | null): Probed | null {
    const known = clients.get(id);
    if (known?.port === port) return known;
    forget(id);
    const opened = credentials();
    if (!opened) return null;
    const client = adminClient({ plan: { sandboxId: id }, credentials: opened, probeHost, port });
    const probed = { port, client, failures: 0 };
    clients.set(id, probed);
    return probed;
  }

  function forget(id: string): void {
    clients.get(id)?.client.close();
    clients.delete(id);
  }

  return {
    async look(runtime: Runtime, record: SandboxRecord, credentials: () => Credentials | null): Promise<Look> {
      const { id } = record.sandbox;
      const [observed] = await runtime.observe(id);
      const running = observed?.components.filter((component) => component.state === 'running').length ?? 0;
      const probed = record.port === null ? null : probedOf(id, record.port, credentials);
      if (running < 2 || !probed) {
        if (probed) probed.failures = 0;
        return 'exited';
      }
      probed.failures = (await saysReady(probed.client)) ? 0 : probed.failures + 1;
      if (probed.failures === 0) return 'ready';
      if (probed.failures < failureThreshold) return 'late';
      probed.failures = 0;
      return 'hung';
    },
    forget,
    close(): void {
      for (const id of [...clients.keys()]) forget(id);
    },
  };
}

/** One that does not answer counts as one that says that it is not ready. */
async function saysReady(client: KubeClient): Promise<boolean> {
  const began = performance.now();
  const ask = async () => (await client.send('GET', readyPath).catch(() => null))?.status;
  const status = await ask();
  // This process has stood still, longer than a request may take: the answer may have been there.
  const stoodStill = status === undefined && performance.now() - began > standstillMs;
  return (stoodStill ? await ask() : status) === 200;
}
