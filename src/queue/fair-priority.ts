import type { Redis } from 'ioredis';

/** BullMQ takes priorities from 1 to 2^21 - 1; 1 is taken first, and before it comes what has none. */
const lowestPriority = 2 ** 21 - 1;

/**
 * Fairness between projects by BullMQ's priorities, as start-time fair queueing (Goyal, Vin and Cheng, 1996): a job gets
 * the number of the job that was taken last, or the next after the last of its project, whichever is higher; the lowest
 * number is taken first. So the first job of a project waits behind no other project's second one, and within a project
 * jobs keep their order. The numbers begin again when nothing waits. After two million jobs without such a pause the
 * numbers are used up, and the rest is served in the order in which it came until the queue is empty.
 */
export async function nextPriority(redis: Redis, fairness: string, project: string): Promise<number> {
  return await redis.spFairPriority(fairness, project, String(lowestPriority));
}

/** Notes that a job was taken. `waiting` is how many jobs the queue has left. */
export async function noteTaken(
  redis: Redis,
  fairness: string,
  job: { readonly project: string; readonly priority: number; readonly waiting: number },
): Promise<void> {
  await redis.spFairTaken(fairness, job.project, String(job.priority), String(job.waiting));
}
