import { isAppError } from '../errors.ts';
import type { SandboxCreate } from '../schemas/sandbox-input.ts';
import type { AuditedWith } from '../tenancy/audit.ts';
import type { Caller } from './caller.ts';
import type { SandboxService } from './service.ts';
import { type StoredText, toText } from './store-read.ts';

export interface CreateOptions {
  readonly id: string;
  readonly audited: AuditedWith;
  /** How long to wait until it is ready; 0 for not at all. */
  readonly waitMs: number;
  /** Makes a signal that ends the wait. */
  readonly signal: () => AbortSignal;
}

export interface Created {
  readonly isReady: boolean;
  readonly sandbox: StoredText;
}

/** Errors that end the wait, while the sandbox exists or has existed. */
const endsOfWaiting = ['wait_timeout', 'phase_unreachable', 'not_found'] as const;

/** Creates a sandbox and waits until it is ready. Throws what `service.create` throws, and `shutting_down`. */
export async function createAndWait(
  service: SandboxService,
  caller: Caller,
  body: SandboxCreate,
  { id, audited, waitMs, signal }: CreateOptions,
): Promise<Created> {
  const accepted = await service.create(caller, body, { id, audited });
  if (waitMs === 0) return { isReady: false, sandbox: accepted };
  // The sandbox exists now: what goes wrong with it from here on is told by its status, not by an error.
  try {
    const ready = await service.wait(caller.project, accepted.id, 'ready', waitMs, signal());
    return { isReady: true, sandbox: toText(ready) };
  } catch (error) {
    // The key was revoked during the wait: its user is not told what happened after that.
    if (isAppError(error, 'key_revoked')) return { isReady: false, sandbox: accepted };
    if (!endsOfWaiting.some((code) => isAppError(error, code))) throw error;
    // It may have been deleted during the wait: then it is answered as it was accepted.
    const latest = await service.get(caller.project, accepted.id).then(toText, () => accepted);
    return { isReady: false, sandbox: latest };
  }
}
