import { asIs, nothing, number, scriptCall, text } from '../script-call.ts';

export const reportHost = scriptCall('reportHost', {
  keys: { hosts: text },
  arguments: { name: text, report: text },
  reply: nothing,
});

export const aliveHosts = scriptCall('aliveHosts', {
  keys: { hosts: text },
  arguments: { aliveForMs: number },
  reply: asIs<string[]>(),
});
