import { asIs, nothing, number, scriptCall, text } from '../script-call.ts';

/** 'yours' comes with the seed, 'answered' with the sealed answer. */
export const beginIdempotentRequest = scriptCall('beginIdempotentRequest', {
  keys: { entry: text, entries: text },
  arguments: { fingerprint: text, newSeed: text, owner: text, keepSeconds: number, silentMs: number, most: number },
  reply: asIs<[state: 'yours' | 'answered' | 'mismatch' | 'in-flight', seedOrAnswer?: string]>(),
});

export const endIdempotentRequest = scriptCall('endIdempotentRequest', {
  keys: { entry: text, entries: text },
  arguments: {
    owner: text,
    how: (value: 'beat' | 'answer' | 'release' | 'forget') => value,
    /** Sealed; '' unless it ends with 'answer'. */
    answer: text,
  },
  reply: nothing,
});
