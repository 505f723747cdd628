/** The worker of a host is named after it, as far as the host's name fits into a DNS label (RFC 1123, 2.1). */
export function workerNameOf(hostname: string): string {
  const label = hostname
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    // Last, as the cut may have left one behind.
    .replace(/-+$/, '');
  return label || 'worker-1';
}
