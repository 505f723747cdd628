import { AppError, isAppError } from '../errors.ts';
import { isRefusedWrite } from '../redis/connection.ts';
import { type SandboxRecord, withFailure } from '../sandbox/record.ts';
import { lookAtRuntime, noteAway } from './away.ts';
import { runtimeOf, type WorkerContext } from './worker-context.ts';

/** When to try again, in epoch milliseconds; null: not by itself. */
export type TryAgainAt = number | null;

/** Of the log lines in a status, which each event of the sandbox repeats. */
const mostLogCharacters = 1200;
const maxAttempts = 8;
const stopGraceMs = 3000;
/** Until a runtime that is away is asked again by one that waits for it. */
const awayPauseMs = 2000;
/** A sandbox that was ready has its address in kubeconfigs: it moves to another port only when it must. */
const attemptsOnSamePort = 5;
const backoffMs = (attempts: number) => (attempts <= 1 ? 100 : Math.min(1000 * 2 ** (attempts - 2), 60_000));

/**
 * After a start that failed nothing keeps running. What has been ready once and has its data, or failed for a passing
 * cause, is tried again later; all else has failed for good. The first cause is what the user is told.
 */
export async function handleFailure(context: WorkerContext, id: string, error: unknown): Promise<TryAgainAt> {
  const { store, host, logger } = context;
  // Nothing is known to be wrong with the sandbox: what runs goes on, and the next sweep goes on from there.
  if (isRefusedWrite(error)) throw error;
  const record = (await store.get(id))?.record;
  if (!record || record.desired === 'deleted') return null;
  const { wasReady, sandbox } = record;
  const { host: owner } = sandbox.status;
  // Another host has it by now.
  if (owner !== null && owner !== host) return null;
  const away = await lookAtRuntime(context, record);
  if (away !== null) {
    logger.warn({ sandboxId: id, err: error }, 'start cut off: its runtime is away');
    return await waitForRuntime(context, record, away);
  }
  // One that no host has failed before it was taken, which counts the attempts.
  const attempts = owner === null ? record.attempts + 1 : record.attempts;
  const cause = causeOf(error);
  const portTaken = isAppError(cause, 'port_taken');
  const passes = ['port_taken', 'ports_exhausted', 'runtime_unavailable'].includes(cause.code);
  const again = (wasReady && cause.code !== 'data_lost') || (passes && attempts < maxAttempts);
  logger.warn({ sandboxId: id, attempts, err: error }, again ? 'start failed, will try again' : 'start failed');
  if (owner === host) await stopPair(context, record, stopGraceMs);
  const moves = portTaken && (!wasReady || attempts >= attemptsOnSamePort);
  const notBefore = Date.now() + (moves ? 0 : backoffMs(attempts));
  const change = (now: SandboxRecord) => {
    if (now.desired === 'deleted' || now.sandbox.status.host !== owner) return null;
    const counted = { ...now, attempts, ...(moves ? { port: null } : {}) };
    return again ? { ...counted, notBefore } : withFailure(counted, failureOf(cause));
  };
  const retrying = { type: 'retrying', reason: cause.code, message: cause.message } as const;
  await store.update(id, change, again ? { why: retrying } : {});
  return again ? notBefore : null;
}

/** What the user is told: what is no error of ours, nor of the machine, is a fault in this code, and told by the log alone. */
function causeOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { syscall, message } = error as NodeJS.ErrnoException;
  if (syscall) return new AppError('runtime_refused', `The machine refused: ${message}`, { cause: error });
  return new AppError('internal', 'The start failed by a fault in the service; its log tells more.', { cause: error });
}

/** For as long as its runtime is away: that is no attempt that failed. What had been started may well run. */
export async function waitForRuntime(
  context: WorkerContext,
  record: SandboxRecord,
  reason: string,
): Promise<TryAgainAt> {
  await noteAway(context, record, reason);
  return Date.now() + awayPauseMs;
}

/** In reverse of the start: kube-apiserver takes long to stop once its etcd is gone. What fails is logged. */
export async function stopPair(context: WorkerContext, record: SandboxRecord, graceMs: number): Promise<void> {
  const { id } = record.sandbox;
  for (const component of ['kube-apiserver', 'etcd']) {
    try {
      await runtimeOf(context, record).runtime.stop(id, component, graceMs);
    } catch (error) {
      context.logger.error({ sandboxId: id, component, err: error }, 'could not be stopped');
    }
  }
}

function failureOf(error: AppError) {
  return {
    code: error.code,
    message: error.message,
    component: error.component ?? null,
    logTail: endOf(error.logTail),
  };
}

/** The last of these lines, of the longest one of all its beginning. Until it is deleted, all of its log can be read. */
function endOf(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let left = mostLogCharacters;
  for (const line of lines.toReversed()) {
    if (left <= 0) break;
    kept.unshift(line.slice(0, left));
    left -= line.length;
  }
  return kept;
}
