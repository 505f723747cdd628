import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { kubeconfig, sniName } from '../../src/runtime/kubeconfig.ts';
import { createBootstrapCertificate, createCredentials } from '../../src/runtime/pki.ts';

/**
 * Makes `access/`: keys and certificates for the plain compose file, and a kubeconfig. There is no service here that
 * would bind a group of our own, so the credential is one of system:masters.
 */
const dir = process.env.ACCESS_DIR ?? path.join(import.meta.dirname, 'access');
const port = process.env.KUBE_APISERVER_PORT ?? '6443';
const id = 'single';

const credentials = await createCredentials(['127.0.0.1', 'localhost', '10.96.0.1', 'kubernetes', sniName(id)]);
const admin = await createBootstrapCertificate(credentials, 365 * 86_400_000);
const access = { ...credentials, adminCert: admin.cert, adminKey: admin.key };
const files = {
  'ca.crt': credentials.caCert,
  'server.crt': credentials.serverCert,
  'server.key': credentials.serverKey,
  'sa.pub': credentials.serviceAccountPub,
  'sa.key': credentials.serviceAccountKey,
  kubeconfig: stringify(kubeconfig({ id, endpoint: `https://127.0.0.1:${port}`, credentials: access })),
};
await mkdir(dir, { recursive: true, mode: 0o700 });
for (const [name, content] of Object.entries(files)) await writeFile(path.join(dir, name), content, { mode: 0o600 });
process.stdout.write(`${path.join(dir, 'kubeconfig')}\n`);
