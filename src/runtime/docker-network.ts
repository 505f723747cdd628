import type Docker from 'dockerode';
import { call, tolerating } from '../docker/calls.ts';
import { AppError } from '../errors.ts';
import { labels } from './docker-labels.ts';

/** The network that all kube-apiservers of a service are in; etcd is in none. */
export type SandboxNetwork = () => Promise<Network>;
type Network = Pick<Docker.NetworkInspectInfo, 'Id' | 'Name'>;

const networkName = (owner: string) => `sandplane-${owner}`;

/** Found, or made when it is not there. Callers at the same time share one look: the daemon makes several of one name. */
export function sandboxNetwork(docker: Docker, owner: string): SandboxNetwork {
  let looking: Promise<Network> | null = null;
  return async () => {
    looking ??= findOrMake(docker, owner).finally(() => {
      looking = null;
    });
    return await looking;
  };
}

/** Another process of this service may make one at the same moment: both then see both, and take the oldest. */
async function findOrMake(docker: Docker, owner: string): Promise<Network> {
  let found = await networksOf(docker, owner);
  if (found.length === 0) {
    await make(docker, owner);
    found = await networksOf(docker, owner);
  }
  const [oldest, ...others] = found;
  if (!oldest) {
    const detail = `Docker has a network ${networkName(owner)} that this service did not make. Remove it.`;
    throw new AppError('runtime_unavailable', detail);
  }
  await removeEmpty(docker, others);
  return oldest;
}

async function make(docker: Docker, owner: string): Promise<void> {
  const network = {
    Name: networkName(owner),
    CheckDuplicate: true,
    // Sandboxes do not reach one another.
    Options: { 'com.docker.network.bridge.enable_icc': 'false' },
    Labels: { [labels.owner]: owner },
  };
  // 409: there is one of this name meanwhile.
  await tolerating([409], docker.createNetwork(network));
}

/** The oldest first; by label, as names are not unique. */
async function networksOf(docker: Docker, owner: string): Promise<Docker.NetworkInspectInfo[]> {
  const networks = await call(docker.listNetworks());
  const byAge = (one: Docker.NetworkInspectInfo, other: Docker.NetworkInspectInfo) =>
    Date.parse(one.Created) - Date.parse(other.Created) || one.Id.localeCompare(other.Id);
  return networks.filter(({ Labels }) => Labels?.[labels.owner] === owner).sort(byAge);
}

/** Removes the network of a service, unless something is in it. */
export async function removeNetwork(docker: Docker, owner: string): Promise<void> {
  await removeEmpty(docker, await networksOf(docker, owner));
}

/** Whether a container is in this network, or will be once it runs. */
export function isIn({ NetworkSettings }: Docker.ContainerInspectInfo, { Id, Name }: Network): boolean {
  // Podman has the name in the place of the id.
  return Object.values(NetworkSettings.Networks).some(({ NetworkID }) => NetworkID === Id || NetworkID === Name);
}

async function removeEmpty(docker: Docker, networks: readonly Docker.NetworkInspectInfo[]): Promise<void> {
  // 403: something runs in it. 404: another call has removed it meanwhile.
  for (const { Id } of networks) await tolerating([403, 404], docker.getNetwork(Id).remove());
}
