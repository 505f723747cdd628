import { get } from 'node:https';
import { CoreV1Api, KubeConfig, Watch } from '@kubernetes/client-node';
import type { Test } from 'tap';
import type { Kubectl } from './kubectl.ts';

const crd = (group: string) => `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.${group} }
spec:
  group: ${group}
  scope: Namespaced
  names: { plural: widgets, singular: widget, kind: Widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: { spec: { type: object, properties: { size: { type: integer } } } }
`;

/** Does what a user does with kubectl and checks the effects. `tag` keeps the objects of several runs apart. */
export async function checkWithKubectl(t: Test, kubectl: Kubectl, tag: string): Promise<void> {
  t.match(await kubectl(['cluster-info']), /control plane.* is running at/);
  t.match(await kubectl(['get', 'ns', '-o', 'name']), /namespace\/default[\s\S]*namespace\/kube-system/);

  await kubectl(['create', 'configmap', `first-${tag}`, '--from-literal=greeting=hello']);
  t.equal(await kubectl(['get', 'configmap', `first-${tag}`, '-o', 'jsonpath={.data.greeting}']), 'hello');

  const group = `${tag}.example.com`;
  await kubectl(['apply', '-f', '-'], crd(group));
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', `crd/widgets.${group}`]);
  const widget = (size: unknown) =>
    JSON.stringify({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'w' }, spec: { size } });
  await kubectl(['apply', '--server-side', '-f', '-'], widget(3));
  t.equal(await kubectl(['get', `widgets.${group}`, 'w', '-o', 'jsonpath={.spec.size}']), '3');
  await t.rejects(kubectl(['apply', '--server-side', '-f', '-'], widget('many')), /size/, 'its schema is enforced');

  t.equal(await kubectl(['auth', 'can-i', '*', '*', '--all-namespaces']), 'yes');
  const applied = await kubectl(['get', `widgets.${group}`, 'w', '--show-managed-fields', '-o', 'json']);
  t.equal(JSON.parse(applied).metadata.managedFields[0].operation, 'Apply', 'server-side apply owns the fields');

  const selector = `--field-selector=metadata.name=seen-${tag}`;
  const watching = kubectl(['get', 'configmaps', selector, '--watch', '-o', 'name', '--request-timeout=4s']);
  await kubectl(['create', 'configmap', `seen-${tag}`]);
  // It ends after the request timeout: as a success or as a failure, which depends on the version.
  const watched = await watching.catch((error: { stdout?: string }) => error.stdout ?? '');
  t.match(watched, `configmap/seen-${tag}`);

  const containers = [{ name: 'c', image: 'i', securityContext: { privileged: true } }];
  const pod = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `pod-${tag}` }, spec: { containers } });
  await kubectl(['create', '-f', '-'], pod);
  t.match(await kubectl(['get', 'pods', '-o', 'name']), `pod/pod-${tag}`, 'a Pod, also a privileged one, is accepted');
}

const configOf = (kubeconfig: string): KubeConfig => {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  return config;
};

export const clientOf = (kubeconfig: string): CoreV1Api => configOf(kubeconfig).makeApiClient(CoreV1Api);

/** Writes, reads and watches with a client library. */
export async function checkWithLibrary(t: Test, kubeconfig: string): Promise<void> {
  const config = configOf(kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const name = 'from-javascript';
  const seen = Promise.withResolvers<string>();
  const request = await new Watch(config).watch(
    '/api/v1/namespaces/default/configmaps',
    { fieldSelector: `metadata.name=${name}` },
    (type: string) => seen.resolve(type),
    (error: unknown) => seen.reject(error),
  );
  await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name }, data: { a: 'b' } } });
  const read = await core.readNamespacedConfigMap({ namespace: 'default', name });
  t.same(read.data, { a: 'b' });
  t.equal(await seen.promise, 'ADDED');
  // The abort below makes it reject, which is no failure.
  seen.promise.catch(() => undefined);
  request.abort();
}

/** Asks until the start hooks, which `/livez` and `/readyz` wait for, are done. */
export async function settledStatus(ask: () => Promise<number>): Promise<number> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const status = await ask();
    if (status !== 500 || performance.now() > deadline) return status;
  }
}

/** The status that a client without a credential gets. */
export async function anonymousStatus(kubeconfig: string, endpoint: string, path: string): Promise<number> {
  const field = (name: string) => new RegExp(`${name}: (\\S+)`).exec(kubeconfig)?.[1] ?? '';
  const ca = Buffer.from(field('certificate-authority-data'), 'base64');
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  get(`${endpoint}${path}`, { ca, servername: field('tls-server-name'), agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  }).on('error', reject);
  return await promise;
}

/** An id that differs from sandbox to sandbox. */
export async function clusterId(kubectl: Kubectl): Promise<string> {
  return await kubectl(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}']);
}
