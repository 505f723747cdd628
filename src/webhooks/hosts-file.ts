import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/**
 * The addresses that a hosts file (hosts(5)) gives a name, in its order. Read at each look-up: it is small, and changes
 * while the service runs. One that is not there, or cannot be read, gives none.
 */
export async function readHosts(file: string, hostname: string, signal: AbortSignal): Promise<string[]> {
  const text = await readFile(file, { encoding: 'utf8', signal }).catch(() => '');
  return hostsOf(text, hostname);
}

function hostsOf(text: string, hostname: string): string[] {
  const wanted = hostname.toLowerCase();
  const found: string[] = [];
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) !== 0 && names.some((name) => name.toLowerCase() === wanted)) found.push(address);
  }
  return found;
}
