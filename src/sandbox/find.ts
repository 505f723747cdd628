import { AppError } from '../errors.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { Store } from './store.ts';

/** Throws `not_found`. */
export async function findSandbox(store: Store, project: string, id: string): Promise<Sandbox> {
  const sandbox = await store.read(project, id);
  if (!sandbox) throw notFound(id);
  return sandbox;
}

export function notFound(id: string): AppError {
  return new AppError('not_found', `There is no sandbox ${id}.`);
}
