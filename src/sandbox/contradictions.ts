import ipaddr from 'ipaddr.js';
import type { FieldFault } from '../errors.ts';
import type { SandboxSpecInput } from '../schemas/spec.ts';
import { serviceRanges } from './service-network.ts';

const apiServerPath = '/spec/apiServer';

/**
 * What is allowed by itself and cannot work here, since it contradicts what a sandbox is started with, or another value
 * of the same spec: the component would exit at its start.
 */
export function contradictionsIn(spec: SandboxSpecInput): FieldFault[] {
  return [
    ...ofPlugins(spec),
    ...ofFeatureGates(spec),
    ...ofRuntimeConfig(spec),
    ...ofServiceRanges(spec),
    ...ofNodePort(spec),
    ...ofElections(spec),
  ];
}

function ofPlugins({ apiServer: { extraArgs } }: SandboxSpecInput): FieldFault[] {
  const namesIn = (flag: string) => (extraArgs[flag] ?? '').split(',').map((name) => name.trim());
  const pointer = `${apiServerPath}/extraArgs/enable-admission-plugins`;
  const enabled = namesIn('enable-admission-plugins');
  const faults: FieldFault[] = [];
  if (enabled.includes('ServiceAccount')) {
    const detail = 'must not name ServiceAccount: it is off, since nothing in a sandbox makes default ServiceAccounts';
    faults.push({ pointer, detail });
  }
  const disabled = namesIn('disable-admission-plugins');
  const both = enabled.filter((name) => name && disabled.includes(name));
  if (both.length > 0) {
    faults.push({ pointer, detail: `must not name ${both.join(', ')}: disable-admission-plugins does too` });
  }
  return faults;
}

/** The anonymous user is let in to the health paths alone, by a file that these gates are about. */
const gatesInUse = ['AnonymousAuthConfigurableEndpoints', 'StructuredAuthenticationConfiguration'];

function ofFeatureGates({ apiServer: { featureGates } }: SandboxSpecInput): FieldFault[] {
  const off = gatesInUse.filter((gate) => featureGates[gate] === false);
  return off.map((gate) => ({
    pointer: `${apiServerPath}/featureGates/${gate}`,
    detail: 'must be true: it is in use',
  }));
}

/** Without one of these kube-apiserver exits, or is never ready: it waits for its objects, or makes some at its start. */
const apisInUse = [
  'v1',
  'admissionregistration.k8s.io/v1',
  'apiextensions.k8s.io/v1',
  'apiregistration.k8s.io/v1',
  'discovery.k8s.io/v1',
  'networking.k8s.io/v1',
  'node.k8s.io/v1',
  'rbac.authorization.k8s.io/v1',
  'scheduling.k8s.io/v1',
  'storage.k8s.io/v1',
];

function ofRuntimeConfig({ apiServer: { runtimeConfig, extraArgs } }: SandboxSpecInput): FieldFault[] {
  const fairness = extraArgs['enable-priority-and-fairness'] === 'false' ? [] : ['flowcontrol.apiserver.k8s.io/v1'];
  const decidedBy = (api: string) => [api, 'api/ga', 'api/all'].find((name) => name in runtimeConfig) ?? '';
  const needed = Object.groupBy([...apisInUse, ...fairness], decidedBy);
  const off = Object.entries(needed).filter(([name]) => runtimeConfig[name] === false);
  return off.map(([name, apis = []]) => ({
    pointer: `${apiServerPath}/runtimeConfig/${name.replaceAll('/', '~1')}`,
    detail: `must not be off: kube-apiserver needs ${apis.join(', ')}`,
  }));
}

/** kube-apiserver takes ranges of at least 8 addresses. */
const leastHostBits = 3;

function ofServiceRanges(spec: SandboxSpecInput): FieldFault[] {
  const ranges = serviceRanges(spec);
  const isRange = (range: string) => {
    if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(range) && !ipaddr.IPv6.isValidCIDR(range)) return false;
    const [address, prefix] = ipaddr.parseCIDR(range);
    return prefix <= address.toByteArray().length * 8 - leastHostBits;
  };
  const families = new Set(ranges.map((range) => ipaddr.IPv6.isValidCIDR(range)));
  if (ranges.every(isRange) && families.size === ranges.length) return [];
  const detail =
    'must be a CIDR of at least 8 addresses, or one of IPv4 and one of IPv6, as 10.96.0.0/16,fd00:10:96::/112';
  return [{ pointer: `${apiServerPath}/extraArgs/service-cluster-ip-range`, detail }];
}

function ofNodePort({ apiServer: { extraArgs } }: SandboxSpecInput): FieldFault[] {
  const port = Number(extraArgs['kubernetes-service-node-port'] ?? 0);
  const range = extraArgs['service-node-port-range'] ?? '30000-32767';
  const [, first, last] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  // The range has other forms too, as 30000+2767: those are left to kube-apiserver.
  if (port === 0 || first === undefined || (port >= Number(first) && port <= Number(last))) return [];
  const detail = `must be 0 or within service-node-port-range, which is ${range}`;
  return [{ pointer: `${apiServerPath}/extraArgs/kubernetes-service-node-port`, detail }];
}

/** etcd's defaults, for the one of the two that is not set. In milliseconds. */
const electionDefaults = { 'heartbeat-interval': 100, 'election-timeout': 1000 };

function ofElections({ etcd: { extraArgs } }: SandboxSpecInput): FieldFault[] {
  const effective = (flag: keyof typeof electionDefaults) => Number(extraArgs[flag] ?? electionDefaults[flag]);
  const least = 5 * effective('heartbeat-interval');
  if (!(effective('election-timeout') < least)) return [];
  const detail = `must be at least ${least}, which is 5 times heartbeat-interval`;
  return [{ pointer: '/spec/etcd/extraArgs/election-timeout', detail }];
}
