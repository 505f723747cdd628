import type { Once, StoredAnswer } from '../../src/operations/idempotency.ts';
import type { Answer, Call } from '../../src/operations/operation.ts';

/** A call that may carry an Idempotency-Key. */
type Repeatable = Pick<Call, 'operationId' | 'proven' | 'params' | 'body'> & {
  readonly headers: { 'idempotency-key'?: string };
};

/** Does the work of a POST once for each Idempotency-Key, by whatever protocol it is repeated. */
export async function answerOnce(
  { operationId, proven, params, body, headers }: Repeatable,
  once: Once,
  work: (seed: string) => Promise<StoredAnswer>,
): Promise<Answer> {
  const identity = {
    project: proven.project,
    key: headers['idempotency-key'],
    request: [operationId, params, body],
  };
  return await once(identity, work);
}
