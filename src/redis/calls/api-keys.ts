import { nothing, number, scriptCall, text } from '../script-call.ts';

export const revokeKey = scriptCall('revokeKey', {
  keys: { apiKey: text, projectKeys: text, revokedKeys: text, keyPrefix: text },
  arguments: { id: text, nowMs: number, keepSeconds: number, most: number, changesChannel: text },
  reply: nothing,
});

export const noteKeyUse = scriptCall('noteKeyUse', {
  keys: { apiKey: text },
  arguments: { nowMs: number },
  reply: nothing,
});
