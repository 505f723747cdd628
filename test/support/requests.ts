import type { SandboxCreate } from '../../src/schemas/sandbox-input.ts';

/** What a create of an empty body is once its defaults are filled in. */
export const aSandbox: SandboxCreate = {
  spec: {
    kubernetesVersion: 'latest',
    durability: 'ephemeral',
    apiServer: { extraArgs: {}, featureGates: {}, runtimeConfig: {} },
    etcd: { extraArgs: {} },
  },
};
