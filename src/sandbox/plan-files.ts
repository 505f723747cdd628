import { stringify } from 'yaml';
import type { PlanFile } from '../runtime/driver.ts';
import type { Credentials } from '../runtime/pki.ts';

const authentication = stringify({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthenticationConfiguration',
  anonymous: { enabled: true, conditions: [{ path: '/livez' }, { path: '/readyz' }, { path: '/healthz' }] },
});

// Metadata only: bodies hold secrets. Requests of the server to itself are left out.
const auditPolicy = stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'None', users: ['system:apiserver'] }, { level: 'Metadata' }],
});

/** The files of a sandbox: certificates and keys but those of the CA and the admin, and what the flags of kube-apiserver name. */
export function filesOf(credentials: Credentials): PlanFile[] {
  const secret = (path: string, content: string) => ({ path, content, mode: 0o600 });
  const plain = (path: string, content: string) => ({ path, content, mode: 0o644 });
  return [
    plain('pki/ca.crt', credentials.caCert),
    plain('pki/server.crt', credentials.serverCert),
    secret('pki/server.key', credentials.serverKey),
    plain('pki/sa.pub', credentials.serviceAccountPub),
    secret('pki/sa.key', credentials.serviceAccountKey),
    plain('pki/front-proxy-ca.crt', credentials.proxyCaCert),
    plain('pki/front-proxy-client.crt', credentials.proxyCert),
    secret('pki/front-proxy-client.key', credentials.proxyKey),
    plain('pki/authentication.yaml', authentication),
    plain('pki/audit-policy.yaml', auditPolicy),
  ];
}
