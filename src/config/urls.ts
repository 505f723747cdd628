/** What is wrong with settings that are URLs, or parts of some. Secrets in them are never repeated. */

export function baseUrlFaults(text: string): string[] {
  if (URL.canParse(text)) {
    const { protocol, username, password, search, hash } = new URL(text);
    if (/^https?:$/.test(protocol) && username + password + search + hash === '') return [];
  }
  return [
    'must be an http:// or https:// URL without user, query and fragment: as https://mirror.example.com/kubernetes',
  ];
}

export function redisUrlFaults(text: string): string[] {
  if (/^unix:\/\/\/./.test(text)) return [];
  if (/^rediss?:\/\//.test(text) && URL.canParse(text)) {
    const { hostname, pathname } = new URL(text);
    if (hostname !== '' && /^(\/\d*)?$/.test(pathname)) return [];
  }
  return ['must be redis://host:6379, rediss://user:password@host:6379/0 or unix:///path/of/redis.sock'];
}

const registryHost = /^([a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:]+\])(:\d{1,5})?$/i;
const registryFolder = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;

/** As the distribution project has the names of repositories (github.com/distribution/reference). */
export function registryFaults(text: string): string[] {
  const [host = '', ...folders] = text.split('/');
  if (registryHost.test(host) && folders.every((folder) => registryFolder.test(folder))) return [];
  return ['must be a registry and folders in it, without scheme and tag: as registry.k8s.io or localhost:5000/mirror'];
}

/** `null` is what browsers send for pages of files. */
export function originFaults(origins: readonly string[]): string[] {
  const isOrigin = (text: string) =>
    ['*', 'null'].includes(text) ||
    (/^https?:/i.test(text)
      ? URL.canParse(text) && new URL(text).origin === text
      : /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/.test(text));
  const wrong = origins.filter((text) => !isOrigin(text));
  return wrong.map(
    (text) => `${text} is not an origin as browsers send it: scheme, host and port alone, as https://app.example.com`,
  );
}
