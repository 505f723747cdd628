import { type DestinationStream, type Logger, pino } from 'pino';

// Wherever these names turn up in what is logged, at the top or one level below.
const secretFields = ['authorization', 'adminKey', 'secretKey', 'credentials', 'kubeconfig', 'password', 'token'];

/** JSON lines. Secrets are cut out by name, as a last resort: nothing logs them on purpose. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    redact: {
      paths: [...secretFields, ...secretFields.map((name) => `*.${name}`), 'req.headers.authorization'],
      censor: '[redacted]',
    },
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return pino(options, destination ?? toStdout());
}

/** What is kept of lines that could not be written. Later ones are lost. */
export const mostUnwrittenBytes = 256 * 1024;

/** Lines are written one by one when they are logged, so that none is lost however the process ends. */
function toStdout() {
  const stdout = 1;
  return lossy(pino.destination({ dest: stdout, sync: true, maxLength: mostUnwrittenBytes }));
}

type Destination = ReturnType<typeof pino.destination>;

/** Has a destination that writes synchronously lose lines that cannot be written, as on a full disk, instead of ending the process. */
export function lossy(destination: Destination): Destination {
  // The next line tries again. Nothing can be told of it here but to the log.
  destination.on('error', () => undefined);
  // What is left then could not be written, and sonic-boom (4.2.1) would try for ever.
  destination.flushSync = () => undefined;
  return destination;
}
