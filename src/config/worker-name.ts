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

export function workerNameFaults(name: string): string[] {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return [];
  return ['must be a DNS label: a-z, 0-9 and "-" in between, at most 63 characters'];
}
