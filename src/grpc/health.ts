import {
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { service as definition } from 'grpc-health-check';

interface Asked {
  readonly service: string;
}
interface Told {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

interface HealthOptions {
  /** Those whose state can be asked for, besides that of the whole. */
  readonly services: readonly string[];
  /** Throws when the store does not answer. */
  readonly checkStore: () => Promise<void>;
  readonly closing: AbortSignal;
}

const lookAtStoreEveryMs = 5000;

/**
 * https://github.com/grpc/grpc/blob/master/doc/health-checking.md. Needs no key: nothing is kept of what is asked, and who
 * watches is told of changes only.
 */
export function serveHealth(server: Server, { services, checkStore, closing }: HealthOptions): void {
  const known = new Set(['', ...services]);
  const watching = new Set<() => void>();
  let isServing = true;
  const now = (service: string): Told => {
    if (!known.has(service)) return { status: 'SERVICE_UNKNOWN' };
    return { status: isServing && !closing.aborted ? 'SERVING' : 'NOT_SERVING' };
  };
  const tell = (serving: boolean) => {
    if (isServing === serving) return;
    isServing = serving;
    for (const wake of watching) wake();
  };
  const look = () =>
    checkStore().then(
      () => tell(true),
      () => tell(false),
    );
  const looks = setInterval(look, lookAtStoreEveryMs).unref();
  closing.addEventListener('abort', () => clearInterval(looks));

  server.addService(definition, {
    check({ request }: ServerUnaryCall<Asked, Told>, reply: sendUnaryData<Told>): void {
      const told = now(request.service);
      if (told.status !== 'SERVICE_UNKNOWN') reply(null, told);
      else reply({ code: status.NOT_FOUND, details: 'No service here has that name.' });
    },
    list(_call: ServerUnaryCall<object, object>, reply: sendUnaryData<object>): void {
      reply(null, { statuses: Object.fromEntries([...known].map((name) => [name, now(name)])) });
    },
    watch(call: ServerWritableStream<Asked, Told>): void {
      let last: Told['status'] | undefined;
      // One that does not read gets the latest once it does.
      let canWrite = true;
      const send = () => {
        const told = now(call.request.service);
        if (!canWrite || told.status === last) return;
        last = told.status;
        canWrite = call.write(told);
      };
      const end = () => call.end();
      call.on('drain', () => {
        canWrite = true;
        send();
      });
      call.once('cancelled', () => {
        watching.delete(send);
        closing.removeEventListener('abort', end);
      });
      watching.add(send);
      closing.addEventListener('abort', end);
      send();
    },
  });
}
