import type Docker from 'dockerode';
import { labels } from './docker-labels.ts';
import { type ComponentSpec, type SandboxPlan, sandboxIdPattern } from './driver.ts';

/** The unprivileged user that distroless images call nonroot. */
export const containerUser = { uid: 65_532, gid: 65_532 };

const dataMount = '/sandboxes';

/**
 * Throws unless it is a sandbox id: it becomes part of URL paths of the Engine API, which dockerode does not escape.
 */
export function checkedId(id: string): string {
  if (!sandboxIdPattern.test(id)) throw new Error('not a sandbox id');
  return id;
}

/** The name of a sandbox's volume, or of the container of one of its components. */
export const objectName = (sandboxId: string, component?: string) =>
  ['sandplane', checkedId(sandboxId), component].filter(Boolean).join('-');

export const containerOf = (docker: Docker, sandboxId: string, component: string) =>
  docker.getContainer(objectName(sandboxId, component));

/** The container of a component, with as few rights as it needs, and its limits. */
export function containerOptions(input: {
  readonly plan: SandboxPlan;
  readonly component: ComponentSpec;
  readonly image: string;
  readonly owner: string;
  readonly bindAddress: string;
  /** The id of the network that it is in when it has a port. */
  readonly network: string | null;
}): Docker.ContainerCreateOptions {
  const { plan, component, image, owner, bindAddress, network } = input;
  const { port, limits } = component;
  const tcp = port === null ? null : `${port}/tcp`;
  return {
    name: objectName(plan.sandboxId, component.name),
    Image: image,
    Entrypoint: [`/usr/local/bin/${component.name}`],
    Cmd: [...component.args],
    Env: Object.entries(component.env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: `${dataMount}/${plan.sandboxId}`,
    User: `${containerUser.uid}:${containerUser.gid}`,
    Labels: {
      ...sandboxLabels(owner, plan),
      [labels.component]: component.name,
      [labels.specHash]: publishedHash(component, bindAddress),
    },
    ...(tcp ? { ExposedPorts: { [tcp]: {} } } : {}),
    // By the mode alone the daemon would look for it at each start by its name, which others may have too.
    ...(network ? { NetworkingConfig: { EndpointsConfig: { [network]: { NetworkID: network } } } } : {}),
    HostConfig: {
      // The top of a volume belongs to root, so the sandbox's folder lies below it.
      Mounts: [{ Type: 'volume', Source: objectName(plan.sandboxId), Target: dataMount }],
      NetworkMode: network ?? 'none',
      ...(tcp ? { PortBindings: { [tcp]: [{ HostIp: bindAddress, HostPort: String(port) }] } } : {}),
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
      PidsLimit: limits.pids,
      NanoCpus: limits.cpus * 1e9,
      Tmpfs: { '/tmp': 'size=16m,mode=1777,noexec,nosuid,nodev' },
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
    },
  };
}

/** The spec hash of a container: where its port is published is none of the component's, but of the container's. */
export function publishedHash({ specHash, port }: ComponentSpec, bindAddress: string): string {
  return port === null ? specHash : `${specHash}-${bindAddress}`;
}

export function sandboxLabels(owner: string, plan: SandboxPlan): Record<string, string> {
  const given = Object.entries(plan.labels).map(([key, value]) => [`${labels.labelPrefix}${key}`, value]);
  return {
    ...Object.fromEntries(given),
    [labels.name]: plan.name,
    [labels.owner]: owner,
    [labels.sandbox]: plan.sandboxId,
    [labels.project]: plan.project,
  };
}
