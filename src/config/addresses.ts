import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

const ipOrName =
  'must be an IP address or a DNS name alone, without scheme, port, brackets or path: as 192.0.2.7, fd00::7 or k8s.example.com';

/** Faults of what the service itself listens on. */
export function listenHostFaults(host: string): string[] {
  return isIP(host) || isName(host) ? [] : [ipOrName];
}

/** Faults of what kube-apiserver is told to listen on: it takes no names. */
export function bindAddressFaults(address: string): string[] {
  if (isPlainIp(address)) return [];
  const remedy = address === 'localhost' ? '; for localhost set 127.0.0.1' : '';
  return [`must be an IP address, without port and brackets: as 127.0.0.1, 0.0.0.0 or ::${remedy}`];
}

/** Faults of what clients connect to. */
export function reachableHostFaults(host: string): string[] {
  if (isName(host)) return [];
  if (!isPlainIp(host)) return [ipOrName];
  if (!['unspecified', 'multicast', 'broadcast'].includes(ipaddr.process(host).range())) return [];
  return [`is ${host}, which nobody can connect to: set an address or DNS name of this host`];
}

/** Where ports that are opened on an address are reached from the same machine. */
export function reachedAt(bindAddress: string | undefined): string {
  if (!bindAddress || !isPlainIp(bindAddress)) return '127.0.0.1';
  const address = ipaddr.parse(bindAddress);
  if (address.range() !== 'unspecified') return bindAddress;
  return address.kind() === 'ipv4' ? '127.0.0.1' : '::1';
}

/** Whether it is sure that ports on `bindAddress` do not answer at `host`. */
export function isOutOfReach(bindAddress: string, host: string): boolean {
  if (!isPlainIp(bindAddress) || !isPlainIp(host)) return false;
  const [bound, asked] = [bindAddress, host].map((address) => ipaddr.process(address));
  if (!bound || !asked) return false;
  if (bound.range() === 'unspecified') return bound.kind() === 'ipv4' && asked.kind() === 'ipv6';
  const isSame = bound.toNormalizedString() === asked.toNormalizedString();
  // Others than loopback may be forwarded to one another.
  return !isSame && (bound.range() === 'loopback' || asked.range() === 'loopback');
}

/** Without a zone, as fe80::1%eth0 has it: kube-apiserver and URLs take none. */
function isPlainIp(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

/** As RFC 1123, 2.1, but with underscores, which names in private networks have. URLs read numbers as IPv4 addresses. */
function isName(text: string): boolean {
  const labels = text.split('.');
  const isLabel = (label: string) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label);
  return text.length <= 253 && labels.every(isLabel) && !/^(\d+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? '');
}
