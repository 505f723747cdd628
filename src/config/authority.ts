/** A host that was set and a port, as URLs have them (RFC 3986, 3.2): an IPv6 address stands in brackets. */
export function authorityOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
