import ipaddr from 'ipaddr.js';

/** By what clients are told apart where they are bounded: an IPv4 address, or the /64 of an IPv6 one, which one client has. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return ipaddr.fromByteArray([...parsed.toByteArray().slice(0, 8), ...Array(8).fill(0)]).toString();
}
