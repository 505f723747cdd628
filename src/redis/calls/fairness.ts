import { asIs, nothing, number, scriptCall, text } from '../script-call.ts';

export const nextPriority = scriptCall('nextPriority', {
  keys: { fairness: text },
  arguments: { project: text, lowest: number },
  reply: asIs<number>(),
});

export const noteTaken = scriptCall('noteTaken', {
  keys: { fairness: text },
  arguments: { project: text, priority: number, waiting: number, high: number },
  reply: nothing,
});
