import { AppError, isAppError } from '../errors.ts';
import { type SandboxRecord, withFailure } from '../sandbox/record.ts';
import { isOwn, runtimeOf, updateOwn, type WorkerContext } from './worker-context.ts';

/** When to try again, in epoch milliseconds; null: not by itself. */
export type TryAgainAt = number | null;

const maxAttempts = 8;
const stopGraceMs = 3000;
/** A sandbox that was ready has its address in kubeconfigs: it moves to another port only when it must. */
const attemptsOnSamePort = 5;
const backoffMs = (attempts: number) => (attempts <= 1 ? 100 : Math.min(1000 * 2 ** (attempts - 2), 60_000));

/**
 * After a start that failed nothing keeps running. What has been ready once, or failed for a passing cause, is tried
 * again later; all else has failed for good. The first cause is what the user is told.
 */
export async function handleFailure(context: WorkerContext, id: string, error: unknown): Promise<TryAgainAt> {
  const { store, ports, host, logger } = context;
  const stored = await store.get(id);
  if (!stored || !isOwn(stored.record, host)) return null;
  const { attempts, wasReady, port } = stored.record;
  const cause = error instanceof AppError ? error : new AppError('internal', 'The start failed.', { cause: error });
  const portTaken = isAppError(cause, 'port_taken');
  const again = wasReady || ((portTaken || isAppError(cause, 'runtime_unavailable')) && attempts < maxAttempts);
  logger.warn({ sandboxId: id, attempts, err: error }, again ? 'start failed, will try again' : 'start failed');
  await stopPair(context, stored.record);
  const moves = portTaken && (!wasReady || attempts >= attemptsOnSamePort);
  if (port !== null && moves) await ports.release(host, id, port);
  const notBefore = Date.now() + (moves ? 0 : backoffMs(attempts));
  const change = (now: SandboxRecord) => {
    const freed = moves ? { ...now, port: null } : now;
    return again ? { ...freed, notBefore } : withFailure(freed, failureOf(cause));
  };
  const retrying = { type: 'retrying', reason: cause.code, message: cause.message } as const;
  await updateOwn(context, id, change, again ? { why: retrying } : {});
  return again ? notBefore : null;
}

/** In reverse of the start: kube-apiserver takes long to stop once its etcd is gone. */
async function stopPair(context: WorkerContext, record: SandboxRecord): Promise<void> {
  const { id } = record.sandbox;
  for (const component of ['kube-apiserver', 'etcd']) {
    try {
      await runtimeOf(context, record).runtime.stop(id, component, stopGraceMs);
    } catch (error) {
      context.logger.error({ sandboxId: id, component, err: error }, 'could not be stopped');
    }
  }
}

function failureOf(error: AppError) {
  return { code: error.code, message: error.message, component: error.component ?? null, logTail: [...error.logTail] };
}
