import { isOutOfReach } from './addresses.ts';
import { parseRange } from './kinds.ts';
import type { Part } from './setting.ts';

export interface Fault {
  /** The environment variable. */
  readonly env: string;
  readonly detail: string;
}

type Values = Readonly<Record<string, unknown>>;

/**
 * Settings that are right by themselves and wrong together, in the parts of the service that this process has. Gets the
 * values by environment variable; null stands for one that is wrong by itself.
 */
export function contradictions(values: Values, parts: readonly Part[]): Fault[] {
  return [
    ...halfTls(values),
    ...twoSecretKeys(values),
    ...unreached(values),
    ...unusedFolder(values),
    ...samePorts(values, parts),
  ];
}

function halfTls(values: Values): Fault[] {
  const names = ['SANDPLANE_GRPC_TLS_CERT_FILE', 'SANDPLANE_GRPC_TLS_KEY_FILE'];
  const missing = names.filter((env) => values[env] === undefined);
  if (missing.length !== 1) return [];
  return [{ env: missing[0] as string, detail: 'is missing: certificate and key are set together, or neither' }];
}

function twoSecretKeys(values: Values): Fault[] {
  if (!values.SANDPLANE_SECRET_KEY || !values.SANDPLANE_SECRET_KEY_FILE) return [];
  return [{ env: 'SANDPLANE_SECRET_KEY_FILE', detail: 'is set beside SANDPLANE_SECRET_KEY: set one of the two' }];
}

function unreached(values: Values): Fault[] {
  const { SANDPLANE_BIND_ADDRESS: bound, SANDPLANE_PROBE_HOST: host } = values;
  if (typeof bound !== 'string' || typeof host !== 'string' || !isOutOfReach(bound, host)) return [];
  const detail = `is ${host}, where ports that are opened on ${bound} (SANDPLANE_BIND_ADDRESS) do not answer: leave it empty`;
  return [{ env: 'SANDPLANE_PROBE_HOST', detail }];
}

function unusedFolder(values: Values): Fault[] {
  const { SANDPLANE_COMPONENT_SOURCES: sources, SANDPLANE_COMPONENTS_DIR: folder } = values;
  if (typeof sources !== 'string') return [];
  if (sources === 'folder' && folder === undefined) {
    const detail = 'is missing: SANDPLANE_COMPONENT_SOURCES names no other source than the folder';
    return [{ env: 'SANDPLANE_COMPONENTS_DIR', detail }];
  }
  if (!folder || sources.split(',').includes('folder')) return [];
  const detail = 'is not used: put folder into SANDPLANE_COMPONENT_SOURCES';
  return [{ env: 'SANDPLANE_COMPONENTS_DIR', detail }];
}

const listeners: readonly { readonly env: string; readonly part: Part }[] = [
  { env: 'SANDPLANE_PORT', part: 'api' },
  { env: 'SANDPLANE_GRPC_PORT', part: 'api' },
  { env: 'SANDPLANE_METRICS_PORT', part: 'worker' },
];

/** Each listener needs a port of its own, that no sandbox may be given. 0 is a free one. */
function samePorts(values: Values, parts: readonly Part[]): Fault[] {
  const range = values.SANDPLANE_PORT_RANGE;
  const { first, last } = parts.includes('worker') && range ? parseRange(String(range)) : { first: 0, last: 0 };
  const open = listeners.filter(({ env, part }) => parts.includes(part) && Boolean(values[env]));
  return open.flatMap(({ env }, index) => {
    const port = Number(values[env]);
    const other = open.slice(0, index).find((earlier) => values[earlier.env] === port);
    if (other) return [{ env, detail: `is ${port}, as ${other.env} is: set one of them to another port` }];
    if (port < first || port > last) return [];
    return [{ env, detail: `is ${port}, which is within SANDPLANE_PORT_RANGE, the ports of sandboxes` }];
  });
}
