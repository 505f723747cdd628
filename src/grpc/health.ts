import { type handleUnaryCall, type Server, type ServerWritableStream, status } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { limitOpenStreams } from './open-streams.ts';

interface HealthOptions {
  /** The names whose state can be asked for, besides '' for the whole. */
  readonly services: readonly string[];
  /** Throws when the store does not answer. */
  readonly checkStore: () => Promise<void>;
  readonly closing: AbortSignal;
}

interface Request {
  readonly service: string;
}

type Check = handleUnaryCall<Request, unknown>;
type WatchCall = ServerWritableStream<Request, unknown>;

const checkStoreEveryMs = 5000;
const mostWatches = 100;

/** https://github.com/grpc/grpc/blob/master/doc/health-checking.md. Needs no key. */
export function addHealth(server: Server, { services, checkStore, closing }: HealthOptions): void {
  // The whole is the service without a name.
  const names = new Set(['', ...services]);
  const health = new HealthImplementation(Object.fromEntries([...names].map((name) => [name, 'SERVING' as const])));
  reportStore(health, names, checkStore, closing);
  health.addToServer({
    addService(definition, implementation) {
      const { check, watch } = implementation as never as { check: Check; watch: (call: WatchCall) => void };
      server.addService(definition, {
        ...implementation,
        check: checkOf(names, check),
        watch: limitOpenStreams(watchOf(names, watch), mostWatches, closing),
      });
    },
  });
}

/**
 * Sets the state of all services: whether the store answers, and NOT_SERVING when the service stops. Watching clients
 * are told.
 */
function reportStore(
  health: HealthImplementation,
  names: ReadonlySet<string>,
  checkStore: () => Promise<void>,
  closing: AbortSignal,
): void {
  let isServing = true;
  const set = (serving: boolean) => {
    if (isServing === serving) return;
    isServing = serving;
    for (const name of names) health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
  };
  const check = () =>
    checkStore().then(
      () => set(!closing.aborted),
      () => set(false),
    );
  const checks = setInterval(check, checkStoreEveryMs).unref();
  closing.addEventListener('abort', () => {
    clearInterval(checks);
    set(false);
  });
}

/** The library's own answer to an unknown name would repeat it, however long it is. */
function checkOf(names: ReadonlySet<string>, check: Check): Check {
  return (call, respond) => {
    if (names.has(call.request.service)) return check(call, respond);
    respond({ code: status.NOT_FOUND, details: 'No service here has that name.' });
  };
}

/** The library would remember every unknown name that was ever watched. No services are added later. */
function watchOf(names: ReadonlySet<string>, watch: (call: WatchCall) => void): (call: WatchCall) => void {
  return (call) => {
    if (names.has(call.request.service)) return watch(call);
    call.write({ status: 'SERVICE_UNKNOWN' });
  };
}
