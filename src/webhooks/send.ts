import { Agent, errors, request } from 'undici';
import { AppError } from '../errors.ts';
import type { AddressGuard } from './addresses.ts';
import type { ResolvedAddress } from './names.ts';

const readBodyBytes = 16 * 1024;
const readBodyMs = 1000;

export interface Sending {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly timeoutMs: number;
}

/**
 * POSTs once, over a connection to an address that was just checked: a name that resolves to another one in the meantime
 * changes nothing. Redirects are not followed, and of the answer only its beginning is read. Ends within `timeoutMs`.
 * Throws what the guard throws, and `webhook_delivery_failed`.
 */
export async function sendOnce(sending: Sending, guard: AddressGuard): Promise<{ status: number }> {
  const signal = AbortSignal.timeout(sending.timeoutMs);
  const addresses = await guard.resolveChecked(new URL(sending.url).hostname, signal);
  const agent = new Agent({
    pipelining: 0,
    connect: { lookup: pinnedTo(addresses) as never, timeout: sending.timeoutMs },
  });
  try {
    return { status: await exchange(agent, sending, signal) };
  } catch (error) {
    throw new AppError('webhook_delivery_failed', causeOf(error, sending.timeoutMs), { cause: error });
  } finally {
    await agent.destroy();
  }
}

async function exchange(agent: Agent, { url, headers, body }: Sending, signal: AbortSignal): Promise<number> {
  const answer = await request(url, { method: 'POST', headers, body, dispatcher: agent, signal });
  // What the receiver says is in its status: what becomes of the body changes nothing. Some of it is taken, so that it can
  // end its answer in peace.
  await answer.body.dump({ limit: readBodyBytes, signal: AbortSignal.timeout(readBodyMs) }).catch(() => undefined);
  return answer.statusCode;
}

type LookupCallback = (error: Error | null, address: unknown, family?: number) => void;

/** Answers as `dns.lookup` does, with what was checked. */
function pinnedTo(addresses: readonly ResolvedAddress[]) {
  return (_hostname: string, options: { all?: boolean }, callback: LookupCallback) => {
    const [first] = addresses;
    if (options.all) callback(null, addresses);
    else callback(null, first?.address, first?.family);
  };
}

function causeOf(error: unknown, timeoutMs: number): string {
  const late =
    error instanceof errors.ConnectTimeoutError || (error instanceof Error && /Timeout|Abort/.test(error.name));
  if (late) return `timed out after ${timeoutMs} ms`;
  const { code, message, syscall } = (
    error instanceof AggregateError ? error.errors[0] : error
  ) as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'the connection was refused';
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') return 'the connection was reset';
  // Node's message has the addresses of both ends: the receiver's owner is not told where the service stands.
  if (syscall === 'connect') return `the connection failed (${code})`;
  return /CERT|TLS|SSL|self-signed/i.test(`${code} ${message}`) ? `TLS: ${message}` : message || 'no answer';
}
