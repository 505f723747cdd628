/**
 * Fairness between projects by BullMQ's priorities, as start-time fair queueing (Goyal, Vin and Cheng, 1996): a job gets
 * the number of the job that was taken last, or the next after the last of its project, whichever is higher; the lowest
 * number is taken first. So the first job of a project waits behind no other project's second one, and within a project
 * jobs keep their order. The numbers begin again when nothing waits.
 *
 * BullMQ takes numbers from 1 to 2^21 - 1 (and before them what has none). After two million jobs without a pause they are
 * used up, and what comes then is served in the order in which it came until the queue is empty.
 */
export const lowestPriority = 2 ** 21 - 1;
