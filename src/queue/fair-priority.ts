/**
 * Fairness between projects by BullMQ's priorities, as start-time fair queueing (Goyal, Vin and Cheng, 1996): a job gets
 * the priority of the job that was taken last, or the one after that of the last job of its project, whichever is higher;
 * the lowest priority is taken first. So the first job of a project never waits for the second of another, and the jobs
 * of a project keep their order. BullMQ takes priorities from 1 to 2^21 - 1, and jobs without one before all others.
 */
export const lowestPriority = 2 ** 21 - 1;

/**
 * Above this, the priorities begin again at 1 as soon as no job waits. Not each time that no job waits: a job whose
 * priority was just given out may not be in the queue yet, and a later job with a lower one would overtake it.
 */
export const highPriority = 2 ** 20;
