import { asIs, fields, flag, isOne, list, nothing, number, scriptCall, text } from '../script-call.ts';

/** False when there is another of the name. `fields`: at least one. */
export const createProject = scriptCall('createProject', {
  keys: { project: text, projects: text },
  arguments: { name: text, uid: text, fields },
  reply: isOne,
});

/** False when somebody else has changed it. A field of '' is removed. */
export const updateHash = scriptCall('updateHash', {
  keys: { hash: text },
  arguments: { expectedVersion: text, fields },
  reply: isOne,
});

/** 1, 0 for another version, or how many sandboxes are in the way, negative. */
export const markProjectDeleting = scriptCall('markProjectDeleting', {
  keys: { project: text, projectIndex: text, projectsDeleting: text },
  arguments: { name: text, withSandboxes: flag, expectedVersion: text },
  reply: asIs<number>(),
});

/** False when a project with that uid is not being deleted any more. `own`: at least one key. */
export const unlinkOfProject = scriptCall('unlinkOfProject', {
  keys: { project: text, own: list },
  arguments: { uid: text },
  reply: isOne,
});

export const forgetProject = scriptCall('forgetProject', {
  keys: { project: text, projects: text, projectsDeleting: text, auditLog: text },
  arguments: { uid: text, name: text, keepAuditSeconds: number, changesChannel: text },
  reply: nothing,
});

/** 1, 0 when there are too many, -1 when there is no such project, -2 when it is being deleted. */
export const addToProject = scriptCall('addToProject', {
  keys: { project: text, hash: text, index: text },
  arguments: { member: text, score: number, most: number, fields },
  reply: asIs<number>(),
});

/** False when it has another version or does not exist. */
export const removeFromProject = scriptCall('removeFromProject', {
  keys: { hash: text, index: text },
  arguments: { member: text, expectedVersion: text },
  reply: isOne,
});
