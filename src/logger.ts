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
  return destination ? pino(options, destination) : pino(options);
}
