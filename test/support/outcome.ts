import { credentials, Client as GrpcConnection, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type ErrorCode, errorTable } from '../../src/errors.ts';
import { readContract } from '../../src/grpc/contract.ts';
import { type GoogleRpc, readGoogleRpc } from '../../src/grpc/google-rpc.ts';
import { codecOf } from '../../src/grpc/messages.ts';
import { type Fields, messageName } from '../../src/grpc/requests.ts';
import type { Operations } from '../../src/operations/operation.ts';
import type { Problem } from '../../src/schemas/problem.ts';

/** The input of an operation for either protocol, in the parts that REST has. */
export interface Given {
  readonly params?: Fields;
  readonly query?: Fields;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Fields;
  /** The fields of a patch, which gRPC names in its field mask. */
  readonly mask?: readonly string[];
  readonly key?: string;
}

/** How a call ended, in terms that both protocols have. */
export interface Outcome {
  readonly ok: boolean;
  readonly body: Fields;
  readonly code: string | null;
  /** The gRPC status. */
  readonly status: string;
  /** The path of each faulty field, as gRPC writes it. */
  readonly fields: readonly string[];
  readonly limit: string | null;
  readonly retryAfter: boolean;
}

export interface ProtocolClient {
  readonly protocol: 'REST' | 'gRPC';
  call(operationId: string, given?: Given): Promise<Outcome>;
}

export function restClient(url: string, operations: Operations, ownKey: string): ProtocolClient {
  return {
    protocol: 'REST',
    async call(operationId, { params = {}, query = {}, headers = {}, body, key = ownKey } = {}) {
      const { method = '', path = '' } = operations.get(operationId) ?? {};
      const target = new URL(
        path.replace(/:(\w+)/g, (_all, name: string) => String(params[name])),
        url,
      );
      for (const [name, value] of Object.entries(query)) {
        for (const one of [value].flat()) target.searchParams.append(name, String(one));
      }
      const response = await fetch(target, {
        method,
        headers: {
          ...(key ? { authorization: `Bearer ${key}` } : {}),
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...(operationId === 'getKubeconfig' ? { accept: 'application/json' } : {}),
          ...headers,
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await response.text();
      const answer = (text ? JSON.parse(text) : {}) as Problem;
      if (response.ok) return succeeded(answer as unknown as Fields);
      return {
        ok: false,
        body: {},
        code: answer.code,
        status: errorTable[answer.code as ErrorCode].grpc,
        fields: (answer.errors ?? []).map(({ pointer }) => grpcName(operationId, pointer)),
        limit: answer.limit?.name ?? null,
        retryAfter: response.headers.has('retry-after'),
      };
    },
  };
}

export function grpcClient(address: string, ownKey: string) {
  const { rpcs } = readContract();
  const googleRpc = readGoogleRpc();
  const connection = new GrpcConnection(address, credentials.createInsecure());
  const client: ProtocolClient = {
    protocol: 'gRPC',
    async call(operationId, given = {}) {
      const rpc = rpcs.find((one) => one.operationId === operationId);
      if (!rpc) throw new Error(`no rpc for ${operationId}`);
      const metadata = new Metadata();
      const { key = ownKey } = given;
      if (key) metadata.set('authorization', `Bearer ${key}`);
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      const [request, response] = [codecOf(rpc.request), codecOf(rpc.response)];
      connection.makeUnaryRequest(
        rpc.path,
        (fields: Fields) => request.encode(fields),
        (bytes) => response.decode(bytes),
        toMessage(operationId, given),
        metadata,
        (error, answer) => resolve(error ? failed(error, googleRpc) : succeeded(unwrap(answer as Fields))),
      );
      return await promise;
    },
  };
  return { ...client, close: () => connection.close() };

  function toMessage(operationId: string, { params, query, headers = {}, body, mask }: Given): Fields {
    const { 'if-match': ifMatch, 'idempotency-key': idempotencyKey, prefer } = headers;
    const parts = [params, query].map((part) =>
      Object.fromEntries(Object.entries(part ?? {}).map(([name, value]) => [messageName(operationId, name), value])),
    );
    return {
      ...Object.assign({}, ...parts),
      ...withoutNulls(body ?? {}),
      ifMatch,
      idempotencyKey,
      waitSeconds: prefer && Number(prefer.split('=')[1]),
      updateMask: mask && { paths: mask },
    };
  }
}

/** Leaves out null fields: a message has none, but the mask names them. */
function withoutNulls(fields: Fields): Fields {
  const entries = Object.entries(fields).filter(([, value]) => value !== null);
  const isInner = (value: unknown) => typeof value === 'object' && !Array.isArray(value);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isInner(value) ? withoutNulls(value as Fields) : value]),
  );
}

function succeeded(body: Fields): Outcome {
  return { ok: true, body, code: null, status: 'OK', fields: [], limit: null, retryAfter: false };
}

/** The resource in a response, with its secret, as REST has it; other responses as they are. */
function unwrap(answer: Fields): Fields {
  const { secret, ...rest } = answer;
  const [held, ...others] = Object.values(rest);
  const isHeld = typeof held === 'object' && held !== null && !Array.isArray(held) && others.length === 0;
  return isHeld ? { ...(held as Fields), ...(secret ? { secret } : {}) } : answer;
}

function failed(error: ServiceError, googleRpc: GoogleRpc): Outcome {
  const [bytes] = error.metadata.get('grpc-status-details-bin') as Buffer[];
  if (!bytes) throw new Error(`no details: ${status[error.code]} ${error.details}`);
  const decode = (name: string, value: Uint8Array) => googleRpc(name).decode(value) as never as Fields;
  const { details } = decode('Status', bytes) as { details: { type_url: string; value: Uint8Array }[] };
  const byName = new Map(
    details.map(({ type_url: url, value }) => {
      const name = lastName(url, '.');
      return [name, url.includes('google.rpc') ? decode(name, value) : {}];
    }),
  );
  const info = byName.get('ErrorInfo') as { reason: string };
  const bad = byName.get('BadRequest') as { fieldViolations: { field: string }[] } | undefined;
  const quota = byName.get('QuotaFailure') as { violations: { subject: string }[] } | undefined;
  return {
    ok: false,
    body: {},
    code: info.reason.toLowerCase(),
    status: status[error.code] ?? '',
    fields: (bad?.fieldViolations ?? []).map(({ field }) => field),
    limit: quota?.violations[0]?.subject ?? null,
    retryAfter: byName.has('RetryInfo'),
  };
}

function grpcName(operationId: string, pointer: string): string {
  const [first = '', ...rest] = pointer.replace(/^#\w+/, '').slice(1).split('/');
  const path = [messageName(operationId, first), ...rest].join('.');
  return path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function lastName(path: string, separator: string): string {
  return path.split(separator).at(-1) ?? '';
}
