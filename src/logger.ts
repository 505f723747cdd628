import { type DestinationStream, type Logger, pino } from 'pino';

// Wherever these names turn up in what is logged, at the top or one level below.
const secretFields = ['authorization', 'adminKey', 'secretKey', 'credentials', 'kubeconfig', 'password', 'token'];

/** What is logged of an error. */
const errorFields = ['type', 'message', 'stack', 'code', 'statusCode', 'component', 'logTail'] as const;

/** JSON lines. Secrets are cut out by name, as a last resort: nothing logs them on purpose. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    redact: {
      paths: [...secretFields, ...secretFields.map((name) => `*.${name}`), 'req.headers.authorization'],
      censor: '[redacted]',
    },
    serializers: { err: describeError },
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return pino(options, destination ?? toStdout());
}

/**
 * Those of other programs carry what they are about: ioredis (6.0.0) each command that failed with its arguments, also that
 * which sends the password. Messages and stacks are with those of the causes.
 */
function describeError(error: unknown): Record<string, unknown> {
  // Anything can be thrown.
  if (!(error instanceof Error)) return { message: String(error) };
  const { aggregateErrors, ...all } = pino.stdSerializers.err(error);
  const told = errorFields.filter((name) => all[name] !== undefined).map((name) => [name, all[name]]);
  const several = aggregateErrors ? { aggregateErrors: (error as AggregateError).errors.map(describeError) } : {};
  return { ...Object.fromEntries(told), ...several };
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
