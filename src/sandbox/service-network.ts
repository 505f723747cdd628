import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { KubernetesService } from '../runtime/driver.ts';
import type { SandboxSpecInput } from '../schemas/spec.ts';

const defaultServiceRange = '10.96.0.0/16';
/** The ranges of ipaddr.js whose addresses mean another host elsewhere. */
const onlyHere: readonly string[] = ['loopback', 'unspecified', 'linkLocal'];

interface NetworkInput {
  readonly spec: SandboxSpecInput;
  readonly advertiseHost: string;
  /** What kube-apiserver listens on. */
  readonly bindAddress: string;
  /** The addresses of the host. Null: the runtime gives kube-apiserver an IPv4 address of its own. */
  readonly ownAddresses: readonly string[] | null;
}

/** The ranges from which Services get their addresses: one, or one of each family. */
export function serviceRanges(spec: SandboxSpecInput): string[] {
  return (spec.apiServer.extraArgs['service-cluster-ip-range'] ?? defaultServiceRange).split(',');
}

/** The first address of a range. That of the first range is the address of the Service `kubernetes`. */
export function firstAddress(range: string): string {
  const [address, prefix] = ipaddr.parseCIDR(range);
  const kind = address.kind() === 'ipv6' ? ipaddr.IPv6 : ipaddr.IPv4;
  const bytes = kind.networkAddressFromCIDR(`${address}/${prefix}`).toByteArray();
  return ipaddr.fromByteArray([...bytes.slice(0, -1), (bytes.at(-1) ?? 0) + 1]).toString();
}

/** The Service `kubernetes`, by which what runs in a sandbox finds its API. */
export function kubernetesService(input: NetworkInput): KubernetesService {
  const [range = defaultServiceRange] = serviceRanges(input.spec);
  const clusterIP = firstAddress(range);
  const nodePort = Number(input.spec.apiServer.extraArgs['kubernetes-service-node-port'] ?? 0);
  return { clusterIP, nodePort, endpoint: endpointOf(clusterIP, input) };
}

/** Only an address of the family of the Service can stand behind it. */
function endpointOf(
  clusterIP: string,
  { advertiseHost, bindAddress, ownAddresses }: NetworkInput,
): KubernetesService['endpoint'] {
  const family = ipaddr.parse(clusterIP).kind();
  const found = reachableAddress([advertiseHost, bindAddress, ...(ownAddresses ?? [])], family);
  return found ?? (ownAddresses === null && family === 'ipv4' ? 'assigned' : null);
}

/**
 * The first of the hosts that is an address of this family and may stand for this machine elsewhere: kube-apiserver refuses
 * one of the loopback as its endpoint. Written as Kubernetes does: what it would change, clients would see change.
 */
export function reachableAddress(hosts: readonly string[], family: 'ipv4' | 'ipv6'): string | null {
  const found = hosts
    .filter((host) => isIP(host) !== 0)
    .map((host) => ipaddr.process(host))
    .find((address) => address.kind() === family && !onlyHere.includes(address.range()));
  return found?.toString() ?? null;
}

/** The flags by which kube-apiserver makes the same Service with the same endpoint. */
export function advertisingFlags({ clusterIP, endpoint }: KubernetesService): Record<string, string> {
  if (endpoint === 'assigned') return {};
  if (endpoint !== null) return { 'advertise-address': endpoint };
  // Without an address it would look for a default route, and exit where there is none.
  const loopback = ipaddr.IPv6.isValid(clusterIP) ? '::1' : '127.0.0.1';
  return { 'advertise-address': loopback, 'endpoint-reconciler-type': 'none' };
}
