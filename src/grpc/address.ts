import proxyaddr from '@fastify/proxy-addr';
import type { ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';

/** The part of a call, of either kind, that is used here. */
type Caller = Pick<ServerUnaryCall<never, never> | ServerWritableStream<never, never>, 'getPeer' | 'metadata'>;

/**
 * Returns the address of the client, or the one that a trusted proxy names, as REST does. `trustedProxies` are CIDRs.
 */
export function addressReader(trustedProxies: readonly string[]): (call: Caller) => string {
  const trust = proxyaddr.compile([...trustedProxies]);
  return (call) => {
    const peer = call.getPeer();
    // An IPv6 address stands without brackets before the port. Of a connection that has closed nothing is known.
    const remoteAddress = peer === 'unknown' ? '' : peer.slice(0, peer.lastIndexOf(':'));
    const headers = { 'x-forwarded-for': call.metadata.get('x-forwarded-for')[0] };
    return proxyaddr({ headers, socket: { remoteAddress } } as never, trust);
  };
}
