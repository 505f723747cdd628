import t from 'tap';
import { certificateNames } from '../../src/sandbox/plan.ts';
import { advertisingFlags, kubernetesService } from '../../src/sandbox/service-network.ts';
import { aSandbox } from '../support/requests.ts';

const specWith = (extraArgs: Record<string, string>) => ({
  ...aSandbox.spec,
  apiServer: { ...aSandbox.spec.apiServer, extraArgs },
});
const rangesOf = (ranges: string) => specWith({ 'service-cluster-ip-range': ranges });

const host = ['127.0.0.1', '::1', 'fe80::1', '192.168.1.5', 'fd00::5'];

t.test('the certificate has the first address of every service range', async (t) => {
  const namesOf = (ranges: string) =>
    certificateNames({ sandboxId: 'sb-00000000000000000000', spec: rangesOf(ranges), advertiseHost: '127.0.0.1' });
  for (const [ranges, addresses] of [
    ['10.0.255.0/24', ['10.0.255.1']],
    ['10.0.255.77/24', ['10.0.255.1']],
    ['fd00:10:96::/112', ['fd00:10:96::1']],
    ['10.96.0.0/16,fd00:10:96::/112', ['10.96.0.1', 'fd00:10:96::1']],
    ['fd00:10:96::/112,10.96.0.0/16', ['fd00:10:96::1', '10.96.0.1']],
  ] as const) {
    t.ok(
      addresses.every((address) => namesOf(ranges).includes(address)),
      ranges,
    );
  }
});

t.test('behind the Service is an address that others can reach, of its own family', async (t) => {
  const endpointOf = (
    advertiseHost: string,
    ownAddresses: string[] | null,
    ranges = '10.96.0.0/16',
    bindAddress = '127.0.0.1',
  ) => kubernetesService({ spec: rangesOf(ranges), advertiseHost, bindAddress, ownAddresses }).endpoint;
  const v6 = 'fd00:10:96::/112';
  t.equal(endpointOf('127.0.0.1', host), '192.168.1.5');
  t.equal(endpointOf('10.0.0.7', host), '10.0.0.7', 'the one that kubeconfigs point at');
  t.equal(endpointOf('k8s.example.com', host), '192.168.1.5', 'a name is no address');
  t.equal(endpointOf('k8s.example.com', host, '10.96.0.0/16', '10.1.1.1'), '10.1.1.1', 'the one that it listens on');
  t.equal(endpointOf('::ffff:10.0.0.7', host), '10.0.0.7', 'as Kubernetes writes it');
  t.equal(endpointOf('fd00::2', host), '192.168.1.5');
  t.equal(endpointOf('127.0.0.1', host, v6), 'fd00::5');
  t.equal(endpointOf('fd00::2', host, `${v6},10.96.0.0/16`), 'fd00::2');
  t.equal(endpointOf('127.0.0.1', ['127.0.0.1', '::1']), null, 'where there is only the loopback, none');
  t.equal(endpointOf('127.0.0.1', null), 'assigned', 'in a container its own');
  t.equal(endpointOf('10.0.0.7', null), '10.0.0.7');
  t.equal(endpointOf('127.0.0.1', null, v6), null, 'which is one of IPv4');
});

t.test('kube-apiserver is told the same', async (t) => {
  const flagsOf = (endpoint: string | null, clusterIP = '10.96.0.1') =>
    advertisingFlags({ clusterIP, nodePort: 0, endpoint });
  t.same(flagsOf('192.168.1.5'), { 'advertise-address': '192.168.1.5' });
  t.same(flagsOf('assigned'), {});
  t.same(flagsOf(null), { 'advertise-address': '127.0.0.1', 'endpoint-reconciler-type': 'none' });
  t.same(flagsOf(null, 'fd00::1'), { 'advertise-address': '::1', 'endpoint-reconciler-type': 'none' });
});

t.test('a Service with a port on the nodes is made as one', async (t) => {
  const spec = specWith({ 'kubernetes-service-node-port': '30443' });
  t.equal(
    kubernetesService({ spec, advertiseHost: '127.0.0.1', bindAddress: '127.0.0.1', ownAddresses: host }).nodePort,
    30443,
  );
});
