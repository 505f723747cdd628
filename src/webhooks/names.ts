import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';
import { readHosts } from './hosts-file.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Has to end when the signal does. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly ResolvedAddress[]>;

const firstTryMs = 1000;
const tries = 4;

/**
 * Looks names up as the system would: localhost, the hosts file, then DNS, but not by `dns.lookup`: that is getaddrinfo,
 * of which Node's thread pool runs two at a time and none can be called off. One project's names that nobody answers for
 * would hold up those of all others. The name is asked for as it is: the search domains of resolv.conf are not tried.
 *
 * Without `servers`, those of resolv.conf are asked, read at each look-up.
 */
export function createNameResolver({
  servers,
  hostsFile = '/etc/hosts',
}: {
  servers?: readonly string[];
  hostsFile?: string;
} = {}): Resolve {
  return async (hostname, signal) => {
    const name = hostname.replace(/\.$/, '');
    const listed = await readHosts(hostsFile, name, signal);
    if (listed.length > 0) return listed.map(withFamily);
    // Never asked of a name server (RFC 6761, section 6.3).
    if (/^(.+\.)?localhost$/i.test(name)) return ['127.0.0.1', '::1'].map(withFamily);
    return await askNameServers(name, servers, signal);
  };
}

/**
 * A and AAAA. What one of them gives will do: only the addresses found here are checked and called. Throws the error of the
 * first when neither gives any.
 */
async function askNameServers(
  name: string,
  servers: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<ResolvedAddress[]> {
  signal.throwIfAborted();
  // One for each look-up: it has all of a resolver's questions called off at once.
  const resolver = new dns.Resolver({ timeout: firstTryMs, tries });
  if (servers) resolver.setServers(servers);
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel);
  try {
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    const [first] = answers;
    if (found.length === 0 && first.status === 'rejected') throw first.reason;
    return found.map(withFamily);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

function withFamily(address: string): ResolvedAddress {
  return { address, family: isIP(address) as 4 | 6 };
}
