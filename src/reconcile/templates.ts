import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import type { Runtime } from '../runtime/driver.ts';
import { ifThere } from '../runtime/if-there.ts';
import { describeProcess } from '../runtime/process-identity.ts';
import { findTemplate, makeTemplate, templateId, workshopPrefix } from './template.ts';

export type Templates = ReturnType<typeof createTemplates>;

interface TemplatesOptions {
  readonly folder: string;
  readonly runtimeAt: (root: string) => Runtime;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The templates of a host: found, or made in the background, one at a time, since each is seconds of CPU. */
export function createTemplates({ folder, runtimeAt, logger, signal }: TemplatesOptions) {
  const making = new Map<string, Promise<string | null>>();
  let last: Promise<unknown> = Promise.resolve();

  /** Makes a template unless there is one. Null when it could not be made: sandboxes then start without. Never rejects. */
  function ensure(kubernetesVersion: string, etcdVersion: string): Promise<string | null> {
    const key = `${kubernetesVersion}/${etcdVersion}`;
    const known = making.get(key);
    if (known) return known;
    const versions = { kubernetesVersion, etcdVersion };
    const made = last.then(async () => {
      try {
        const found = await findTemplate({ folder, versions });
        if (found || signal.aborted) return found;
        return await makeTemplate({ folder, runtimeAt, versions }, signal);
      } catch (error) {
        if (!signal.aborted) logger.warn({ ...versions, err: error }, 'no template made, sandboxes start without one');
        return null;
      }
    });
    last = made;
    making.set(key, made);
    return made;
  }

  return {
    ensure,
    find: (kubernetesVersion: string, etcdVersion: string) =>
      findTemplate({ folder, versions: { kubernetesVersion, etcdVersion } }),
    /** Resolves when nothing is being made any more. */
    settled: () => last.then(() => undefined),
  };
}

/** Ends and removes what makers left behind that were killed. What cannot be removed is logged, and stays. */
export async function removeAbandonedTemplates({
  folder,
  runtimeAt,
  logger,
}: Omit<TemplatesOptions, 'signal'>): Promise<void> {
  const leave = (error: unknown) => logger.warn({ folder, err: error }, 'an unfinished template is left behind');
  const names = (await ifThere(readdir(folder)).catch(leave)) ?? [];
  for (const name of names.filter((one) => one.startsWith(workshopPrefix))) {
    await removeAbandoned(path.join(folder, name), runtimeAt).catch(leave);
  }
}

async function removeAbandoned(workshop: string, runtimeAt: TemplatesOptions['runtimeAt']): Promise<void> {
  const maker = Number(path.basename(workshop).slice(workshopPrefix.length).split('-', 1)[0]);
  if (await describeProcess(maker)) return;
  await runtimeAt(workshop).remove(templateId);
  await rm(workshop, { recursive: true, force: true });
}
