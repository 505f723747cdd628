import type Docker from 'dockerode';
import { labels, orNull, tolerating } from './docker-client.ts';

/** All kube-apiservers are in this network; etcd is in none. */
export const networkName = 'sandplane';

export async function ensureNetwork(docker: Docker, owner: string): Promise<void> {
  if (await orNull(docker.getNetwork(networkName).inspect())) return;
  const network = {
    Name: networkName,
    CheckDuplicate: true,
    // Sandboxes do not reach one another.
    Options: { 'com.docker.network.bridge.enable_icc': 'false' },
    Labels: { [labels.owner]: owner },
  };
  // 409: another call has made it meanwhile.
  await tolerating([409], docker.createNetwork(network));
}

/** Removes the network of all sandboxes, when this owner made it and nobody uses it (403). */
export async function removeNetwork(docker: Docker, owner: string): Promise<void> {
  const network = docker.getNetwork(networkName);
  const found = await orNull(network.inspect());
  if (found?.Labels?.[labels.owner] === owner) await tolerating([403, 404], network.remove());
}
