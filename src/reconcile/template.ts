import { chmod, cp, mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { etcdSocketName, type Runtime } from '../runtime/driver.ts';
import { openEtcd } from '../runtime/etcd-client.ts';
import { createCredentials } from '../runtime/pki.ts';
import { freePort } from '../runtime/ports.ts';
import { readyPathWithAllHooks, waitUntil } from '../runtime/probe.ts';
import { exists } from '../runtime/process-folder.ts';
import { certificateNames, makePlan } from '../sandbox/plan.ts';
import type { SandboxSpecInput } from '../schemas/spec.ts';
import { adminClient } from './launch.ts';

/**
 * Counts up when what goes into a template changes. A template is an etcd data folder in which its Kubernetes version
 * has booted once, so that a sandbox started from a copy skips some hundred writes.
 */
const revision = 2;

/**
 * What must not be the same in two sandboxes, or tells of the boot that made the template. kube-apiserver makes all of
 * it anew at its next start; the UID of the namespace kube-system is what many tools take for the cluster's id.
 */
const identities = [
  'namespaces',
  'leases',
  'masterleases',
  'services',
  'endpointslices',
  'configmaps',
  'ranges',
  'ipaddresses',
  'servicecidrs',
  'events',
];

export const templateId = 'sb-template000000000000';
/** Followed by the maker's pid. */
export const workshopPrefix = '.making-';
const bootTimeoutMs = 180_000;

interface TemplateOptions {
  /** Holds one folder per pair of versions. */
  readonly folder: string;
  /** A process runtime on its own root: templates are made by a boot of the real pair. */
  readonly runtimeAt: (root: string) => Runtime;
  readonly versions: { readonly kubernetesVersion: string; readonly etcdVersion: string };
}

function templateFolder({ folder, versions }: Omit<TemplateOptions, 'runtimeAt'>): string {
  return path.join(folder, `${versions.kubernetesVersion}-etcd-${versions.etcdVersion}-r${revision}`);
}

/** The folder of a template that has been made, or null. */
export async function findTemplate(options: Omit<TemplateOptions, 'runtimeAt'>): Promise<string | null> {
  const dir = templateFolder(options);
  return (await exists(dir)) ? dir : null;
}

/** Boots the pair once and keeps its data without identities. Two makers at a time do no harm: the first one wins. */
export async function makeTemplate(options: TemplateOptions, signal: AbortSignal): Promise<string> {
  await mkdir(options.folder, { recursive: true, mode: 0o755 });
  const workshop = await mkdtemp(path.join(options.folder, `${workshopPrefix}${process.pid}-`));
  await chmod(workshop, 0o711);
  const runtime = options.runtimeAt(workshop);
  try {
    const data = await bootOnce(runtime, options, signal);
    await shortenWal(path.join(data, 'member', 'wal'));
    // The copy is the service's own: the user of this pair is given to a sandbox later, which must not write into it.
    const own = path.join(workshop, 'own');
    await cp(data, own, { recursive: true });
    const target = templateFolder(options);
    await rename(own, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    return target;
  } finally {
    await runtime.remove(templateId);
    await rm(workshop, { recursive: true, force: true });
  }
}

/** Returns the etcd data folder of a pair that has booted and stopped. */
async function bootOnce(runtime: Runtime, { versions }: TemplateOptions, signal: AbortSignal): Promise<string> {
  const spec: SandboxSpecInput = {
    kubernetesVersion: versions.kubernetesVersion,
    durability: 'ephemeral',
    apiServer: { extraArgs: {}, featureGates: {}, runtimeConfig: {} },
    etcd: { extraArgs: {} },
  };
  const identity = { sandboxId: templateId, spec, advertiseHost: '127.0.0.1' };
  const credentials = await createCredentials(certificateNames(identity));
  const port = await freePort();
  const plan = makePlan({
    ...identity,
    ...versions,
    project: 'sandplane',
    name: 'template',
    labels: {},
    credentials,
    port,
    root: runtime.root,
    bindAddress: '127.0.0.1',
    ownAddresses: [],
    templateDir: null,
    wasReady: false,
  });
  await runtime.prepare(plan, signal);
  for (const component of plan.components) await runtime.start(plan, component, signal);
  const boot = adminClient({ plan, credentials, probeHost: '127.0.0.1', port });
  try {
    // All hooks this time: the template must hold what they write.
    // One that does not answer is not ready yet: it is asked again.
    const ask = async () => (await boot.send('GET', readyPathWithAllHooks).catch(() => null))?.status === 200;
    const what = 'the template did not become ready';
    await waitUntil(ask, {
      what,
      timeoutMs: bootTimeoutMs,
      everyMs: 100,
      signal,
      stillPossible: async () => undefined,
    });
  } finally {
    boot.close();
  }
  const dir = path.join(runtime.root, templateId);
  await runtime.stop(templateId, 'kube-apiserver', 30_000);
  await deleteIdentities(path.join(dir, etcdSocketName));
  await runtime.stop(templateId, 'etcd', 30_000);
  return path.join(dir, plan.etcdDataDir);
}

async function deleteIdentities(socket: string): Promise<void> {
  const etcd = await openEtcd(socket);
  try {
    for (const kind of identities) await etcd.deletePrefix(`/registry/${kind}/`);
  } finally {
    await etcd.close();
  }
}

/**
 * etcd preallocates 64 MB of zeros for its log. Cut after the last page that holds anything, the folder is half a
 * megabyte and quick to copy; etcd reads a log that ends early as it reads one that ends in zeros.
 */
async function shortenWal(walDir: string): Promise<void> {
  const pageBytes = 4096;
  for (const name of await readdir(walDir)) {
    const file = path.join(walDir, name);
    if (!name.endsWith('.wal')) {
      await rm(file);
      continue;
    }
    const handle = await open(file, 'r+');
    try {
      const content = await handle.readFile();
      let end = content.length;
      while (end > 0 && content[end - 1] === 0) end -= 1;
      // A whole page of zeros stays: a record may itself end in zeros.
      await handle.truncate(Math.min(content.length, (Math.ceil(end / pageBytes) + 1) * pageBytes));
    } finally {
      await handle.close();
    }
  }
}
