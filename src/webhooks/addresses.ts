import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import { createNameResolver, type Resolve, type ResolvedAddress } from './names.ts';

/** How long a name may take to resolve: longer than the name servers of most, shorter than callers wait. */
const lookUpTimeoutMs = 5000;

/**
 * Public addresses by their range that are part of a cloud all the same. The others' metadata services are in ranges that
 * are not public: 169.254.0.0/16, fd00::/8 (AWS, Google), 100.64.0.0/10 (Alibaba), 192.0.0.0/24 (Oracle).
 */
const platformAddresses = new Set([
  // Azure's WireServer, DNS and DHCP: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
  '168.63.129.16',
]);

export type AddressGuard = ReturnType<typeof createAddressGuard>;

interface AddressGuardOptions {
  readonly allowedRanges: readonly string[];
  readonly resolve?: Resolve;
  readonly lookUpMs?: number;
  /** Is told which address a name was refused for: who gave the name is not. */
  readonly logger?: Pick<Logger, 'info'>;
}

/**
 * Says which addresses webhooks may go to: public unicast ones (RFC 6890) and those of the allowed ranges. Loopback,
 * private, link-local (with the metadata services of clouds), shared and reserved ones are refused.
 */
export function createAddressGuard({
  allowedRanges,
  resolve = createNameResolver(),
  lookUpMs = lookUpTimeoutMs,
  logger,
}: AddressGuardOptions) {
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
     * addresses are normalised. Ends with `signal`, and within the time that a look-up may take. Throws
     * `webhook_unresolvable`, and `webhook_address_forbidden` when any may not.
     */
    async resolveChecked(hostname: string, signal?: AbortSignal): Promise<readonly ResolvedAddress[]> {
      const literal = unbracketed(hostname);
      const family = isIP(literal);
      const found =
        family === 0
          ? await resolveOrThrow(resolve, hostname, deadlineOf(lookUpMs, signal))
          : [{ address: literal, family: family as 4 | 6 }];
      const refused = found.find(({ address }) => !isPublic(address) && !isAllowed(address));
      if (!refused) return found;
      if (family === 0) logger?.info({ hostname, address: refused.address }, 'webhook address refused');
      throw forbidden(hostname, family !== 0);
    },
  };
}

function deadlineOf(timeoutMs: number, signal?: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal ? AbortSignal.any([timeout, signal]) : timeout;
}

/** Of a name, its address is not told: it would map the network that the service stands in for whoever may ask. */
function forbidden(hostname: string, isLiteral: boolean): AppError {
  const what = isLiteral ? 'is not a public address' : 'resolves to an address that is not public';
  const detail = `${hostname} ${what}; the service's setting SANDPLANE_WEBHOOK_ALLOWED_RANGES can allow it`;
  return new AppError('webhook_address_forbidden', detail, { faults: [{ pointer: '/url', detail }] });
}

/** An IPv6 address that stands for an IPv4 one (mapped, NAT64, 6to4, Teredo) is in a range of its own: not public. */
function isPublic(address: string): boolean {
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast' || platformAddresses.has(parsed.toString())) return false;
  // IPv4-compatible addresses (::a.b.c.d, deprecated) count as unicast: only what IANA gave out (2000::/3) is public.
  return parsed.kind() === 'ipv4' || parsed.match(ipaddr.parseCIDR('2000::/3') as never);
}

function unbracketed(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

async function resolveOrThrow(
  resolve: Resolve,
  hostname: string,
  signal: AbortSignal,
): Promise<readonly ResolvedAddress[]> {
  const found = await resolve(hostname, signal).catch((cause: unknown) => {
    throw unresolvable(hostname, cause, signal.aborted);
  });
  if (found.length === 0) throw unresolvable(hostname);
  return found;
}

function unresolvable(hostname: string, cause?: unknown, isLate = false): AppError {
  const detail = isLate ? `the look-up of ${hostname} timed out` : `${hostname} does not resolve to an address`;
  return new AppError('webhook_unresolvable', detail, { cause, faults: [{ pointer: '/url', detail }] });
}
