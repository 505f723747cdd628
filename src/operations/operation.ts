import type { Static, TSchema } from 'typebox';
import type { AuditedWith } from '../tenancy/audit.ts';
import type { NeededScope, Principal } from '../tenancy/principal.ts';

/** What an operation takes. The parts are named as HTTP names them, and mean the same in every protocol. */
export interface OperationSchema {
  readonly operationId: string;
  readonly params?: TSchema;
  readonly querystring?: TSchema;
  readonly headers?: TSchema;
  readonly body?: TSchema;
}

/** `unknown` for code that handles any operation. */
type Part<Schema, Name extends string> = OperationSchema extends Schema
  ? unknown
  : Schema extends { readonly [Key in Name]: infer Given extends TSchema }
    ? Static<Given>
    : undefined;

/** One call of an operation: the caller is authenticated and has the scope, and what was sent is valid. */
export interface Call<Schema = OperationSchema> {
  readonly operationId: string;
  readonly principal: Principal;
  readonly params: Part<Schema, 'params'>;
  readonly query: Part<Schema, 'querystring'>;
  readonly body: Part<Schema, 'body'>;
  readonly headers: Part<Schema, 'headers'>;
  /** Makes a signal that aborts when nobody waits for the answer any more. */
  signal(): AbortSignal;
  /** The audit entry of this call, if it succeeds, for a change that writes it in the same transaction. */
  audited(answer: { status: number; target: string }): AuditedWith;
  /** Says whose audit log has the call, where it is not that of the caller's project. */
  auditIn(projectUid: string): void;
}

/** What is answered: `body` is a value, JSON as text, or null for none. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export type Handle<Schema = OperationSchema> = (call: Call<Schema>) => Promise<Answer>;

/** An operation as every protocol has it. One without `handle` streams, and each protocol does that in its own way. */
export interface Operation {
  readonly method: string;
  /** With `:name` for its parameters. */
  readonly path: string;
  readonly schema: OperationSchema;
  readonly scope: NeededScope | undefined;
  readonly handle: Handle | undefined;
}

/** By operationId. */
export type Operations = ReadonlyMap<string, Operation>;

export function answered(body: unknown, { status = 200, headers = {} }: Partial<Omit<Answer, 'body'>> = {}): Answer {
  return { status, headers, body };
}
