import { status } from '@grpc/grpc-js';

/** The part of a streaming call that is used here. */
interface StreamingCall {
  on(event: 'cancelled', listener: () => void): unknown;
  emit(event: 'error', error: { readonly code: number; readonly details: string }): boolean;
  end(): void;
}

/**
 * Bounds how many calls of a method that needs no key are open at a time: one more is answered RESOURCE_EXHAUSTED. All
 * end well when the service stops, so that it need not wait for their clients.
 */
export function limitOpenStreams<Call extends StreamingCall>(
  serve: (call: Call) => void,
  most: number,
  closing: AbortSignal,
): (call: Call) => void {
  const open = new Set<Call>();
  closing.addEventListener('abort', () => {
    for (const call of open) call.end();
  });
  return (call) => {
    if (open.size >= most) {
      call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: `No more than ${most} of these may be open.` });
      return;
    }
    open.add(call);
    // The library emits `cancelled` at every end of a call.
    call.on('cancelled', () => open.delete(call));
    serve(call);
    if (closing.aborted) call.end();
  };
}
