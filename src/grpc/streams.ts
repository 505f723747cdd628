import type { Call } from '../operations/operation.ts';
import type { LogsQuery, SandboxService } from '../sandbox/service.ts';
import type { Watch } from '../watch/watch.ts';
import type { Fields } from './requests.ts';

/** What an operation that streams sends, message by message. It ends with the signal of the call. */
export type Stream = (call: Call, signal: AbortSignal) => Promise<AsyncIterable<Fields>>;

/** By operationId: the operations that answer by a stream. */
export function streams(service: SandboxService, watchSandboxes: Watch): ReadonlyMap<string, Stream> {
  const watch = async (call: Call, signal: AbortSignal) => {
    const { since, label } = call.query as { since?: string; label?: string[] };
    const { id } = call.params as { id?: string };
    const query = {
      ...(since === undefined ? {} : { since }),
      ...(label === undefined ? {} : { label }),
      ...(id === undefined ? {} : { sandboxId: id }),
    };
    return toChanges(await watchSandboxes(call.principal.project, query, signal));
  };
  const logs = async (call: Call, signal: AbortSignal) => {
    const { id } = call.params as { id: string };
    return toChunks(await service.logs(call.principal.project, id, call.query as LogsQuery, signal));
  };
  return new Map([
    ['watchSandboxes', watch],
    ['watchSandbox', watch],
    ['getLogs', logs],
  ]);
}

async function* toChanges(items: AsyncIterable<{ line: string }>): AsyncGenerator<Fields> {
  for await (const { line } of items) yield JSON.parse(line) as Fields;
}

async function* toChunks(chunks: AsyncIterable<Buffer>): AsyncGenerator<Fields> {
  for await (const chunk of chunks) yield { chunk };
}
