const maxWaitSeconds = 300;

/** `Prefer: wait=N` (RFC 7240, 4.3) in milliseconds, at most 300 s; 0 without it. Other preferences are not ours. */
export function preferredWaitMs(prefer: string | undefined): number {
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?=$|[,;])/i.exec(prefer ?? '')?.[1];
  return seconds === undefined ? 0 : Math.min(Number(seconds), maxWaitSeconds) * 1000;
}
