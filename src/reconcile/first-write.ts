import { isIPv6 } from 'node:net';
import type { KubernetesService } from '../runtime/driver.ts';
import type { KubeClient } from '../runtime/probe.ts';

/** An object to be created, and where. */
interface Creation {
  /** The path of its kind in its namespace. */
  readonly collection: string;
  readonly object: { readonly metadata: { readonly name: string } };
}

interface ServiceToMake extends Pick<KubernetesService, 'clusterIP' | 'nodePort'> {
  /** Of kube-apiserver; null: the Service has no endpoint. */
  readonly address: string | null;
  readonly port: number;
}

const namespace = 'namespaces/default';
const probe: Creation = {
  collection: `/api/v1/${namespace}/configmaps`,
  object: named('ConfigMap', 'v1', 'sandplane-ready', {}),
};

/**
 * Makes what a new sandbox must have before it is told to be ready: proof that the user's own credential can write, and the
 * Service `kubernetes` with its endpoint, which kube-apiserver itself makes up to a second later. False: ask again.
 */
export async function writeFirstObjects(client: KubeClient, service: ServiceToMake): Promise<boolean> {
  const written = await Promise.all([probe, ...creationsOf(service)].map((one) => isThereOrRefused(client, one)));
  if (written.includes(false)) return false;
  // One that does not answer is asked again, as by all of this.
  const removed = await client.send('DELETE', `${probe.collection}/${probe.object.metadata.name}`).catch(() => null);
  return removed !== null;
}

/** Creates the object. True when it is there, or admission has refused it: both answers are of a server that works. */
async function isThereOrRefused(client: KubeClient, { collection, object }: Creation): Promise<boolean> {
  // One that does not answer to a write is asked again. The server's own name as the owner of the fields: it goes on with them.
  const answer = await client.send('POST', `${collection}?fieldManager=kube-apiserver`, object).catch(() => null);
  if (!answer) return false;
  if (answer.status === 201 || answer.status === 409 || isRefusedByAdmission(answer)) return true;
  // An address or port that another call has taken for this very object is refused as invalid, not as a conflict.
  const found = await client.send('GET', `${collection}/${object.metadata.name}`).catch(() => null);
  return found?.status === 200;
}

/**
 * Policies and webhooks of the user may refuse any write, by a status of their choice, and a webhook that is gone fails it
 * (500). All else that is forbidden is so by other plugins of admission, as who asks may do everything, but for what the
 * server answers while its own parts are not ready.
 */
function isRefusedByAdmission({ status, body }: { status: number; body: string }): boolean {
  if (/admission webhook|failed calling webhook|AdmissionPolicy/.test(body)) return true;
  return status === 403 && !body.includes('not yet ready');
}

function creationsOf({ clusterIP, nodePort, address, port }: ServiceToMake): Creation[] {
  const ports = [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }];
  const spec =
    nodePort === 0
      ? { type: 'ClusterIP', clusterIP, ports }
      : { type: 'NodePort', clusterIP, ports: ports.map((one) => ({ ...one, nodePort })) };
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  const service: Creation = {
    collection: `/api/v1/${namespace}/services`,
    object: named('Service', 'v1', 'kubernetes', { spec }, labels),
  };
  return address === null ? [service] : [service, ...endpointsOf(address, port)];
}

/** As kube-apiserver's own reconciler writes them: what it would change, clients would see change. */
function endpointsOf(address: string, port: number): Creation[] {
  const ports = [{ name: 'https', port, protocol: 'TCP' }];
  const subsets = [{ addresses: [{ ip: address }], ports }];
  const endpoints = named(
    'Endpoints',
    'v1',
    'kubernetes',
    { subsets },
    { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
  );
  const slice = {
    addressType: isIPv6(address) ? 'IPv6' : 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports,
  };
  const labels = { 'kubernetes.io/service-name': 'kubernetes' };
  return [
    { collection: `/api/v1/${namespace}/endpoints`, object: endpoints },
    {
      collection: `/apis/discovery.k8s.io/v1/${namespace}/endpointslices`,
      object: named('EndpointSlice', 'discovery.k8s.io/v1', 'kubernetes', slice, labels),
    },
  ];
}

function named(kind: string, apiVersion: string, name: string, rest: object, labels: Record<string, string> = {}) {
  return { apiVersion, kind, metadata: { name, labels }, ...rest };
}
