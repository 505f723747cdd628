import { protoPath } from 'grpc-health-check';
import protobuf from 'protobufjs';
import { decodeMessage } from './decode-message.ts';
import type { Exchange } from './transport/exchange.ts';
import type { Serve } from './transport/server.ts';
import { StatusError } from './transport/status.ts';

const path = '/grpc.health.v1.Health';
const types = protobuf.loadSync(protoPath);
const [Asked, Told, ToldOfAll] = ['HealthCheckRequest', 'HealthCheckResponse', 'HealthListResponse'].map((name) =>
  types.lookupType(`grpc.health.v1.${name}`),
) as [protobuf.Type, protobuf.Type, protobuf.Type];

/** The values of ServingStatus. */
const states = { SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;
type State = keyof typeof states;

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
export function healthMethods({
  services,
  checkStore,
  closing,
}: HealthOptions): Iterable<[path: string, serve: Serve]> {
  const known = new Set(['', ...services]);
  const watching = new Set<() => void>();
  let isServing = true;
  const now = (service: string): State => {
    if (!known.has(service)) return 'SERVICE_UNKNOWN';
    return isServing && !closing.aborted ? 'SERVING' : 'NOT_SERVING';
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

  const check = (exchange: Exchange, service: string) => {
    const state = now(service);
    if (state === 'SERVICE_UNKNOWN') throw new StatusError('NOT_FOUND', 'No service here has that name.');
    exchange.finish(toMessage(state));
  };
  const list = (exchange: Exchange) => {
    const statuses = Object.fromEntries([...known].map((name) => [name, { status: states[now(name)] }]));
    exchange.finish(ToldOfAll.encode({ statuses }).finish());
  };
  const watch = async (exchange: Exchange, service: string) => {
    const gone = exchange.gone();
    let change = Promise.withResolvers<void>();
    const wake = () => change.resolve();
    watching.add(wake);
    gone.addEventListener('abort', wake);
    closing.addEventListener('abort', wake);
    let last: State | undefined;
    while (!gone.aborted && !closing.aborted) {
      change = Promise.withResolvers();
      const state = now(service);
      // One that does not read gets the latest once it does.
      if (state !== last) await exchange.write(toMessage(state), gone);
      last = state;
      await change.promise;
    }
    watching.delete(wake);
    closing.removeEventListener('abort', wake);
    exchange.finish();
  };
  return [
    [`${path}/Check`, (exchange) => exchange.receive((bytes) => check(exchange, toService(bytes)))],
    [`${path}/List`, (exchange) => exchange.receive(() => list(exchange))],
    [`${path}/Watch`, (exchange) => exchange.receive((bytes) => void watch(exchange, toService(bytes)))],
  ];
}

function toMessage(state: State): Uint8Array {
  return Told.encode({ status: states[state] }).finish();
}

/** The service that is asked for; empty: the whole. */
function toService(bytes: Buffer): string {
  return decodeMessage<{ service: string }>(Asked, bytes).service;
}
