import type { SandboxCreate } from '../../src/schemas/sandbox-input.ts';

/** The body `{}` of a create after its defaults are filled in. */
export const aSandbox: SandboxCreate = {
  spec: {
    kubernetesVersion: 'latest',
    durability: 'ephemeral',
    apiServer: { extraArgs: {}, featureGates: {}, runtimeConfig: {} },
    etcd: { extraArgs: {} },
  },
};
