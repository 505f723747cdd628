import type { Credentials } from './pki.ts';

interface Access {
  readonly id: string;
  readonly endpoint: string;
  readonly credentials: Credentials;
}

/** A kubeconfig (v1 Config) of the sandbox's admin, with everything inline. */
export function kubeconfig({ id, endpoint, credentials }: Access) {
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: id,
        cluster: {
          server: endpoint,
          // A gateway can route by this name, and the certificate always has it, whatever the address.
          'tls-server-name': sniName(id),
          'certificate-authority-data': base64(credentials.caCert),
        },
      },
    ],
    users: [
      {
        name: `${id}-admin`,
        user: {
          'client-certificate-data': base64(credentials.adminCert),
          'client-key-data': base64(credentials.adminKey),
        },
      },
    ],
    contexts: [{ name: id, context: { cluster: id, user: `${id}-admin`, namespace: 'default' } }],
    'current-context': id,
  };
}

/** The TLS server name of a sandbox; its first label is the id. */
export function sniName(id: string): string {
  return `${id}.sandplane.internal`;
}
