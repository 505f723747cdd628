/**
 * Runs steps that open one thing after the other, each noted in `opened`. When a step throws, what was opened before is
 * closed in reverse; else that is up to whoever keeps `opened`. (`await using` would say the same, but not every tool that
 * reads this code knows it yet.)
 */
export async function openInOrder<Result>(steps: (opened: AsyncDisposableStack) => Promise<Result>): Promise<Result> {
  const opened = new AsyncDisposableStack();
  try {
    return await steps(opened);
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}
