import type { Runtime } from '../runtime/driver.ts';
import type { Credentials } from '../runtime/pki.ts';
import { type KubeClient, readyPath } from '../runtime/probe.ts';
import { adminClient } from './launch.ts';
import type { SandboxRecord } from './record.ts';

export type HealthChecks = ReturnType<typeof createHealthChecks>;

/** Looks whether ready sandboxes still are. Connections are kept: a TLS handshake for every look would cost more. */
export function createHealthChecks({ probeHost }: { probeHost: string }) {
  const clients = new Map<string, { readonly port: number; readonly client: KubeClient }>();

  function clientOf(id: string, port: number, credentials: () => Credentials | null): KubeClient | null {
    const known = clients.get(id);
    if (known?.port === port) return known.client;
    forget(id);
    const opened = credentials();
    if (!opened) return null;
    const client = adminClient({ plan: { sandboxId: id }, credentials: opened, probeHost, port });
    clients.set(id, { port, client });
    return client;
  }

  function forget(id: string): void {
    clients.get(id)?.client.close();
    clients.delete(id);
  }

  return {
    /** Whether all components run and the API server says that it is ready, its etcd included. */
    async isHealthy(runtime: Runtime, record: SandboxRecord, credentials: () => Credentials | null): Promise<boolean> {
      const { id } = record.sandbox;
      const [observed] = await runtime.observe(id);
      const running = observed?.components.filter((component) => component.state === 'running').length ?? 0;
      const client = record.port === null ? null : clientOf(id, record.port, credentials);
      if (running < 2 || !client) return false;
      const answer = await client.send('GET', readyPath).catch(() => null);
      return answer?.status === 200;
    },
    forget,
    close(): void {
      for (const id of [...clients.keys()]) forget(id);
    },
  };
}
