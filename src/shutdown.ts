import type { Logger } from 'pino';

const deadlineMs = 20_000;
// npm passes Ctrl-C on to a child that the terminal has told already: that is one signal, not two.
const sameSignalMs = 500;

/**
 * Closes in order on SIGINT or SIGTERM and then ends the process. A second signal, or the deadline, ends it at once:
 * closing may hang on a Redis that is gone, and nothing that is lost then is needed.
 */
export function closeOnSignal(
  close: () => Promise<void>,
  logger: Logger,
  onSignal: () => void = () => undefined,
): void {
  let closingSince: number | null = null;
  const handle = async (signal: NodeJS.Signals) => {
    if (closingSince !== null && performance.now() - closingSince < sameSignalMs) return;
    if (closingSince !== null) process.exit(130);
    closingSince = performance.now();
    onSignal();
    logger.info({ signal }, 'stopping');
    setTimeout(() => {
      logger.error(`not stopped after ${deadlineMs / 1000} s, ending`);
      process.exit(1);
    }, deadlineMs).unref();
    await close().catch((error: unknown) => {
      logger.error({ err: error }, 'stopping failed');
      process.exitCode = 1;
    });
    process.exit();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, (name) => void handle(name));
}
