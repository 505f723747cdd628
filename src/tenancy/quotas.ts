import { AppError, type ReachedLimit } from '../errors.ts';
import type { Quotas } from '../schemas/project.ts';

const remedies: Readonly<Record<string, string>> = {
  sandboxes: 'Delete one that is not needed',
  awake: 'Delete one that is not needed',
  memoryMiB: 'Delete one that is not needed',
  diskMiB: 'Delete one that is not needed, or ask for a smaller quota-backend-bytes',
  maxTtlSeconds: 'Ask for a shorter spec.ttlSeconds',
  startsPerMinute: 'Wait',
  keys: 'Revoke one that is not needed',
  webhooks: 'Delete one that is not needed',
};

/** 429: names the limit, what it is, what is used, and what to do. `used` of -1 stands for "without an end". */
export function quotaExceeded(project: string, limit: ReachedLimit, retryAfterMs = 0): AppError {
  const endless = limit.used === -1;
  const used = endless ? 'no end is' : `${limit.used} are`;
  const detail = `The project ${project} is at its limit ${limit.name}: ${limit.value} are allowed, ${used} used or asked for. ${remedies[limit.name] ?? 'Use less'}, or have the limit raised by who runs this service.`;
  return new AppError('quota_exceeded', detail, {
    limit: endless ? { name: limit.name, value: limit.value } : limit,
    ...(retryAfterMs > 0 ? { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) } : {}),
    ...(limit.name === 'maxTtlSeconds'
      ? { faults: [{ pointer: '/spec/ttlSeconds', detail: `must be at most ${limit.value} in this project` }] }
      : {}),
  });
}

/** The limits as scripts take them, in the order of the names there; -1 stands for no limit. */
export function quotaArguments(quotas: Quotas): number[] {
  const { sandboxes, awake, startsPerMinute, maxTtlSeconds, memoryMiB, diskMiB } = quotas;
  return [sandboxes, awake, startsPerMinute, maxTtlSeconds ?? -1, memoryMiB, diskMiB];
}
