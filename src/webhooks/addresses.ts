import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { AppError } from '../errors.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

export type AddressGuard = ReturnType<typeof createAddressGuard>;

/**
 * Says which addresses webhooks may go to: public unicast ones (RFC 6890) and those of the allowed ranges. Loopback,
 * private, link-local (with the metadata services of clouds), shared and reserved ones are refused.
 */
export function createAddressGuard({
  allowedRanges,
  resolve = resolveByName,
}: {
  allowedRanges: readonly string[];
  resolve?: Resolve;
}) {
  const allowed = allowedRanges.map((range) => ipaddr.parseCIDR(range));

  function isAllowed(address: string): boolean {
    const parsed = ipaddr.process(address);
    return allowed.some(
      ([network, bits]) => parsed.kind() === network.kind() && parsed.match([network, bits] as never),
    );
  }

  return {
    /** Whether `http:` will do: to an address written out that only a setting lets through. */
    allowsCleartext(hostname: string): boolean {
      const literal = unbracketed(hostname);
      return isIP(literal) !== 0 && isAllowed(literal);
    },
    /**
     * The addresses of a name, all of which may be called. `hostname` is that of a WHATWG URL, where odd spellings of IPv4
     * addresses are normalised. Throws `webhook_unresolvable`, and `webhook_address_forbidden` when any may not.
     */
    async resolveChecked(hostname: string): Promise<readonly ResolvedAddress[]> {
      const literal = unbracketed(hostname);
      const family = isIP(literal);
      const found =
        family === 0 ? await resolveOrThrow(resolve, hostname) : [{ address: literal, family: family as 4 | 6 }];
      const forbidden = found.find(({ address }) => !isPublic(address) && !isAllowed(address));
      if (!forbidden) return found;
      const detail = `${hostname} is ${forbidden.address}, which is not a public address; the service's setting SANDPLANE_WEBHOOK_ALLOWED_RANGES can allow it`;
      throw new AppError('webhook_address_forbidden', detail, { faults: [{ pointer: '/url', detail }] });
    },
  };
}

/** An IPv6 address that stands for an IPv4 one (mapped, NAT64, 6to4, Teredo) is in a range of its own: not public. */
function isPublic(address: string): boolean {
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  // IPv4-compatible addresses (::a.b.c.d, deprecated) count as unicast: only what IANA gave out (2000::/3) is public.
  return parsed.kind() === 'ipv4' || parsed.match(ipaddr.parseCIDR('2000::/3') as never);
}

function unbracketed(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

async function resolveByName(hostname: string): Promise<ResolvedAddress[]> {
  return (await lookup(hostname, { all: true, verbatim: true })) as ResolvedAddress[];
}

async function resolveOrThrow(resolve: Resolve, hostname: string): Promise<readonly ResolvedAddress[]> {
  const found = await resolve(hostname).catch((cause: unknown) => {
    throw unresolvable(hostname, cause);
  });
  if (found.length === 0) throw unresolvable(hostname);
  return found;
}

function unresolvable(hostname: string, cause?: unknown): AppError {
  const detail = `${hostname} does not resolve to an address`;
  return new AppError('webhook_unresolvable', detail, { cause, faults: [{ pointer: '/url', detail }] });
}
