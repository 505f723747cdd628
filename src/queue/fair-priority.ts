/**
 * Fairness between projects by BullMQ's priorities, as start-time fair queueing (Goyal, Vin and Cheng, 1996): a job gets
 * the number of the job that was taken last, or the next after the last of its project, whichever is higher; the lowest
 * number is taken first. So the first job of a project waits behind no other project's second one, and within a project
 * jobs keep their order. BullMQ takes numbers from 1 to 2^21 - 1, and before them what has none.
 */
export const lowestPriority = 2 ** 21 - 1;

/**
 * From here on the numbers begin again as soon as nothing waits. Not each time that nothing waits: a job whose number was
 * just given out may not be in the queue yet, and would be overtaken by a later one.
 */
export const highPriority = 2 ** 20;
