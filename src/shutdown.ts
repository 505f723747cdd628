import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';

const deadlineMs = 20_000;
/** npm passes a signal on to a child that whoever sent it has told already: that is one signal, not two. */
const sameSignalMs = 500;

/**
 * Not those of close-with-grace: SIGINT and SIGTERM are handled below. The others keep what Node.js does with them: SIGHUP
 * so that `nohup` works, and those of a fault in the process itself, where no handler in JavaScript can run any more.
 */
const leftAlone: closeWithGrace.AllEvents[] = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGSEGV',
  'SIGUSR2',
];

interface ShutdownOptions {
  readonly close: () => Promise<void>;
  readonly logger: Logger;
  /** Tells people that the service closes: because of an error that nothing caught, or because it was asked to. */
  readonly announce?: (error?: Error) => void;
}

export interface Shutdown {
  /** Whether it closes, or has closed: what fails from then on is of no interest. */
  isClosing(): boolean;
}

/**
 * Closes in order on SIGINT or SIGTERM and then ends the process, with 0 when all was closed; after an error that
 * nothing caught, with 1. A second signal, or the deadline, ends it without further waiting: closing may hang on
 * a Redis that does not answer, and nothing that is lost then is needed.
 */
export function closeOnSignal({ close, logger, announce = () => undefined }: ShutdownOptions): Shutdown {
  let closingSince: number | null = null;
  const grace = closeWithGrace({ delay: deadlineMs, logger, skip: leftAlone }, async ({ err }) => {
    closingSince ??= performance.now();
    announce(err);
    if (err) logger.fatal({ err }, 'ending after an error that nothing caught');
    await close();
  });
  const onSignal = (signal: NodeJS.Signals) => {
    if (closingSince === null) {
      closingSince = performance.now();
      logger.info({ signal }, 'closing');
      grace.close();
    } else if (performance.now() - closingSince > sameSignalMs) process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return { isClosing: () => closingSince !== null };
}
