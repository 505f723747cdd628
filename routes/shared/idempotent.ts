import type { RunIdempotently, StoredAnswer } from '../../src/operations/idempotency.ts';
import type { Answer, Call } from '../../src/operations/operation.ts';

/** A call that may carry an Idempotency-Key. */
type Repeatable = Pick<Call, 'operationId' | 'principal' | 'params' | 'body'> & {
  readonly headers: { 'idempotency-key'?: string };
};

/** Does the work of a POST once for each Idempotency-Key, whatever the protocol of its repeats. */
export async function idempotent(
  { operationId, principal, params, body, headers }: Repeatable,
  runIdempotently: RunIdempotently,
  work: (seed: string) => Promise<StoredAnswer>,
): Promise<Answer> {
  const request = [operationId, params, body];
  return await runIdempotently({ project: principal.project, key: headers['idempotency-key'], request }, work);
}
