import { readFile } from 'node:fs/promises';
import { adminKeyFile, defaultFolder } from '../config/default-folders.ts';
import { SandboxError } from './sandbox-error.ts';

export interface ServiceAccess {
  /** Ends with a slash. */
  readonly url: URL;
  readonly key: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const startIt = 'Start a service on this machine with `npm start`, or set SANDPLANE_URL and SANDPLANE_KEY';
const localHosts = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * URL and key of the service: as given, else SANDPLANE_URL and SANDPLANE_KEY, else the service that `npm start` runs on
 * this machine, with its admin key. The admin key is never sent to another machine.
 */
export async function findService(
  given: { readonly url?: string | undefined; readonly key?: string | undefined },
  env: Environment,
): Promise<ServiceAccess> {
  const url = parseUrl(given.url ?? (env.SANDPLANE_URL || `http://127.0.0.1:${env.SANDPLANE_PORT || 7800}`));
  const key = given.key ?? (env.SANDPLANE_KEY || undefined);
  if (key !== undefined) return { url, key };
  if (!isThisMachine(url)) {
    throw new SandboxError('no_key', `There is no key for ${url.origin}. Set SANDPLANE_KEY to one of your project.`);
  }
  return { url, key: env.SANDPLANE_ADMIN_KEY || (await localAdminKey(env)) };
}

export function isThisMachine({ hostname }: URL): boolean {
  return localHosts.includes(hostname);
}

/** Says what to do when no service answers. */
export function unreachableHint({ url }: ServiceAccess): string {
  return `No service answers at ${url.href.replace(/\/$/, '')}. ${startIt}.`;
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new SandboxError('bad_url', `SANDPLANE_URL must be a URL as http://127.0.0.1:7800, not ${text}`);
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

async function localAdminKey(env: Environment): Promise<string> {
  const file = adminKeyFile(env.SANDPLANE_DATA_DIR || defaultFolder('state', env));
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : `cannot be read (${cause})`;
    throw new SandboxError('no_key', `There is no key: the admin key ${file} ${why}. ${startIt}.`, { cause });
  }
}
