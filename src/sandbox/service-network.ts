import { isIP, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { KubernetesService } from '../runtime/driver.ts';
import type { SandboxSpecInput } from '../schemas/spec.ts';

const defaultServiceRange = '10.96.0.0/16';

interface NetworkInput {
  readonly spec: SandboxSpecInput;
  readonly advertiseHost: string;
  /** Addresses of the host that others can reach, best first. Null: the runtime gives kube-apiserver an IPv4 address. */
  readonly ownAddresses: readonly string[] | null;
}

/** The ranges from which Services get their addresses, by commas: one, or one of each family. */
export function serviceRanges(spec: SandboxSpecInput): string {
  return spec.apiServer.extraArgs['service-cluster-ip-range'] ?? defaultServiceRange;
}

/** The first address of each range; that of the first range is the address of the Service `kubernetes`. */
export function firstAddresses(ranges: string): string[] {
  return ranges.split(',').flatMap((range) => {
    if (!ipaddr.isValidCIDR(range)) return [];
    const [address, prefix] = ipaddr.parseCIDR(range);
    const kind = address.kind() === 'ipv6' ? ipaddr.IPv6 : ipaddr.IPv4;
    const bytes = kind.networkAddressFromCIDR(`${address}/${prefix}`).toByteArray();
    return [ipaddr.fromByteArray([...bytes.slice(0, -1), (bytes.at(-1) ?? 0) + 1]).toString()];
  });
}

/** The Service `kubernetes`, by which what runs in a sandbox finds its API. */
export function kubernetesService(input: NetworkInput): KubernetesService {
  const { extraArgs } = input.spec.apiServer;
  const [clusterIP = ''] = firstAddresses(serviceRanges(input.spec));
  const nodePort = Number(extraArgs['kubernetes-service-node-port'] ?? 0);
  return { clusterIP, nodePort, endpoint: endpointOf(clusterIP, input) };
}

/** Only an address of the family of the Service can stand behind it, and none that means another host elsewhere. */
function endpointOf(clusterIP: string, { advertiseHost, ownAddresses }: NetworkInput): KubernetesService['endpoint'] {
  const candidates = [advertiseHost, ...(ownAddresses ?? [])].filter(isReachable);
  const found = candidates.find((address) => isIPv6(address) === isIPv6(clusterIP));
  return found ?? (ownAddresses === null && !isIPv6(clusterIP) ? 'assigned' : null);
}

/** Whether it is an address that kube-apiserver takes for its endpoint: an IP address, but not one of the loopback. */
function isReachable(host: string): boolean {
  return isIP(host) !== 0 && !['loopback', 'unspecified', 'linkLocal'].includes(ipaddr.process(host).range());
}

/** The flags by which kube-apiserver makes the same Service with the same endpoint. */
export function advertisingFlags({ clusterIP, endpoint }: KubernetesService): Record<string, string> {
  if (endpoint === 'assigned') return {};
  if (endpoint !== null) return { 'advertise-address': endpoint };
  // Without an address it would look for a default route, and exit where there is none.
  return { 'advertise-address': isIPv6(clusterIP) ? '::1' : '127.0.0.1', 'endpoint-reconciler-type': 'none' };
}
