const RealDate = Date;

/** Has the clock of this process, which is all of the service but Redis, differ from that of Redis. 0: as it is. */
export function shiftClock(byMs: number): void {
  if (byMs === 0) {
    globalThis.Date = RealDate;
    return;
  }
  globalThis.Date = class extends RealDate {
    constructor(...given: [] | [number | string]) {
      super(given[0] ?? RealDate.now() + byMs);
    }
    static override now() {
      return RealDate.now() + byMs;
    }
  } as DateConstructor;
}

/** Does it with the clock set so, and leaves the clock set otherwise. */
export async function withClock<Result>(
  { byMs, afterwards }: { byMs: number; afterwards: number },
  work: () => Promise<Result>,
): Promise<Result> {
  shiftClock(byMs);
  try {
    return await work();
  } finally {
    shiftClock(afterwards);
  }
}
