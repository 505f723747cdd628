import { Buffer } from 'node:buffer';
import { createKubeClient } from '../src/runtime/probe.ts';
import { commandOf, findProcesses } from '../src/runtime/process-identity.ts';
import { cpuSecondsOf } from './proc.ts';
import type { Service } from './service.ts';
import type { Kind, Start } from './start.ts';

interface RestOptions {
  readonly letter: string;
  readonly runtime: 'process' | 'docker';
  readonly service: Service;
}

/** The part of a kubeconfig (kubectl's v1 Config) that is used here. */
interface Kubeconfig {
  readonly clusters: [{ cluster: { server: string; 'tls-server-name': string; 'certificate-authority-data': string } }];
  readonly users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
}

/** A start as a user sees it: POST and wait, get the kubeconfig, write with its credential. */
export function restKind({ letter, runtime, service }: RestOptions): Kind {
  return { letter, name: `REST, ${runtime}`, start: (signal) => start(service, runtime, signal) };
}

async function start(service: Service, runtime: string, signal: AbortSignal): Promise<Start> {
  signal.throwIfAborted();
  const before = await cpuSecondsOf(service.pids);
  const began = performance.now();
  const wait = { prefer: 'wait=120' };
  const sandbox = await service.sandbox(await service.call('POST', '/v1/sandboxes', wait, { spec: { runtime } }));
  const { id, status } = sandbox;
  if (status.phase !== 'ready') throw new Error(`${id} is ${status.phase}: ${JSON.stringify(status.failure)}`);
  const answered = performance.now();
  const asked = await service.call('GET', `/v1/sandboxes/${id}/kubeconfig`, { accept: 'application/json' });
  const kubeconfig = (await asked.json()) as Kubeconfig;
  const obtained = performance.now();
  await write(kubeconfig);
  const ended = performance.now();

  const found = await findProcesses(id);
  const pids = Object.fromEntries(
    ['etcd', 'kube-apiserver'].map((name) => [
      name,
      found.find((one) => commandOf(one.commandLine) === name)?.pid ?? 0,
    ]),
  );
  const after = await cpuSecondsOf(service.pids);
  const used = Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)] as const);
  const cpuSeconds = { ...(await cpuSecondsOf(pids)), ...Object.fromEntries(used) };
  const { queuedMs = 0, componentsMs = 0, etcdMs = 0, apiServerMs = 0, firstWriteMs = 0, totalMs = 0 } = status.timings;
  const told = queuedMs + componentsMs + etcdMs + apiServerMs + firstWriteMs;
  return {
    ms: ended - began,
    cpuSeconds,
    parts: {
      'queued (status.timings)': queuedMs,
      'components (status.timings)': componentsMs,
      'etcd (status.timings)': etcdMs,
      'kube-apiserver (status.timings)': apiServerMs,
      'first write of the service (status.timings)': firstWriteMs,
      'certificates, records, folder (rest of totalMs)': totalMs - told,
      'request and answer (POST minus totalMs)': answered - began - totalMs,
      'GET kubeconfig': obtained - answered,
      "the user's own first write": ended - obtained,
    },
    pids,
    end: async () => {
      await service.call('DELETE', `/v1/sandboxes/${id}`);
      await service.deleted(id);
    },
  };
}

async function write({ clusters: [{ cluster }], users: [{ user }] }: Kubeconfig): Promise<void> {
  const text = (base64: string) => Buffer.from(base64, 'base64').toString('utf8');
  const { hostname, port } = new URL(cluster.server);
  const client = createKubeClient({
    host: hostname,
    port: Number(port),
    servername: cluster['tls-server-name'],
    ca: text(cluster['certificate-authority-data']),
    identity: { cert: text(user['client-certificate-data']), key: text(user['client-key-data']) },
  });
  try {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'first' } };
    const answer = await client.send('POST', '/api/v1/namespaces/default/configmaps', body);
    if (answer.status !== 201) throw new Error(`a ready sandbox refused a write: ${answer.status} ${answer.body}`);
  } finally {
    client.close();
  }
}
