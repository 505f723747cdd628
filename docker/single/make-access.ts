import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { stringify } from 'yaml';
import { kubeconfig, sniName } from '../../src/runtime/kubeconfig.ts';
import { createCredentials } from '../../src/runtime/pki.ts';

/**
 * Makes `access/`: keys and certificates for the plain compose file, and a kubeconfig. The compose file finds it by ACCESS_DIR,
 * which is noted in `.env`, so that Compose can say what comes first where it is not there.
 */
const folder = import.meta.dirname;
const envFile = path.join(folder, '.env');
const text = existsSync(envFile) ? await readFile(envFile, 'utf8') : '';
const noted = parseEnv(text);
// As Compose does: the file is optional, and the environment wins.
const env: NodeJS.Dict<string> = { ...noted, ...process.env };
if (!env.ACCESS_DIR && !noted.ACCESS_DIR) await writeFile(envFile, withAccessDir(text));
const dir = path.resolve(folder, env.ACCESS_DIR || 'access');
const port = env.KUBE_APISERVER_PORT || '6443';
const published = env.KUBE_APISERVER_ADDRESS || '127.0.0.1';
// 0.0.0.0 is no address to connect to.
const address = published === '0.0.0.0' ? '127.0.0.1' : published;
const id = 'single';

const names = [...new Set([address, '127.0.0.1', 'localhost', '10.96.0.1', 'kubernetes', sniName(id)])];
const credentials = await createCredentials(names);
const files = {
  'ca.crt': credentials.caCert,
  'server.crt': credentials.serverCert,
  'server.key': credentials.serverKey,
  'sa.pub': credentials.serviceAccountPub,
  'sa.key': credentials.serviceAccountKey,
  'front-proxy-ca.crt': credentials.proxyCaCert,
  'front-proxy-client.crt': credentials.proxyCert,
  'front-proxy-client.key': credentials.proxyKey,
  kubeconfig: stringify(kubeconfig({ id, endpoint: `https://${address}:${port}`, credentials })),
};
await mkdir(dir, { recursive: true, mode: 0o700 });
for (const [name, content] of Object.entries(files)) await writeFile(path.join(dir, name), content, { mode: 0o600 });
process.stdout.write(`${path.join(dir, 'kubeconfig')}\n`);

/** A line that leaves it empty gives way to the new one; all others stay as they are. */
function withAccessDir(given: string): string {
  const others = given.replace(/^(export\s+)?ACCESS_DIR\s*=.*(\r?\n|$)/gm, '');
  return `${others}${others === '' || others.endsWith('\n') ? '' : '\n'}ACCESS_DIR=./access\n`;
}
