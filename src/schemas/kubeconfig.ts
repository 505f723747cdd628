import Type from 'typebox';
import { text } from './common.ts';

const base64 = (description: string) =>
  Type.String({ description: `${description}: PEM in base64`, examples: ['LS0tLS1CRUdJTi0tLS0t'] });
const id = 'sb-4k2x9q7m3v8t1c6z0w5y';

const Cluster = Type.Object(
  {
    server: text('the URL of the API', 'https://127.0.0.1:20001'),
    'tls-server-name': text('the name that its certificate is checked for', `${id}.sandplane.internal`),
    'certificate-authority-data': base64('the certificate of its CA'),
  },
  { title: 'KubeconfigCluster', description: 'where the API is' },
);

const User = Type.Object(
  {
    'client-certificate-data': base64("the admin's certificate"),
    'client-key-data': base64("the admin's private key"),
  },
  { title: 'KubeconfigUser', description: 'the credential of the admin' },
);

const Context = Type.Object(
  {
    cluster: text('the name of a cluster', id),
    user: text('the name of a user', `${id}-admin`),
    namespace: text('the namespace when none is named', 'default'),
  },
  { title: 'KubeconfigContext', description: 'a cluster with a user' },
);

const named = <Value extends Type.TSchema>(key: string, value: Value, title: string, description: string) =>
  Type.Array(Type.Object({ name: text('its name', id), [key]: value }, { title, description }), { description });

/** As kubectl and client libraries read it. */
export const Kubeconfig = Type.Object(
  {
    apiVersion: text('always v1', 'v1'),
    kind: text('always Config', 'Config'),
    clusters: named('cluster', Cluster, 'KubeconfigNamedCluster', 'the clusters by name'),
    users: named('user', User, 'KubeconfigNamedUser', 'the users by name'),
    contexts: named('context', Context, 'KubeconfigNamedContext', 'the contexts by name'),
    'current-context': text('the context that counts', id),
  },
  { $id: 'Kubeconfig', title: 'Kubeconfig', description: 'a kubeconfig (v1 Config) with everything inline' },
);
