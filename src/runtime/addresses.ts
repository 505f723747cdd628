import { networkInterfaces } from 'node:os';

/** The IP addresses of this machine, in the order of its network interfaces. */
export function addressesOfHost(): string[] {
  return Object.values(networkInterfaces()).flatMap((found = []) => found.map(({ address }) => address));
}
