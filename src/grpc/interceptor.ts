import { Metadata, ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder, status } from '@grpc/grpc-js';
import { requestIdFrom } from '../operations/request-id.ts';
import type { Strangers } from './strangers.ts';

const header = 'x-request-id';

/**
 * What all calls share, whatever their method. A call is named by its request id, in the metadata that its handler reads as
 * in what is answered: in the headers, or in the trailers of an answer that has no message. A call whose request does not
 * come in time is ended.
 */
export function createInterceptor(receiveWithinMs: number, strangers: Strangers): ServerInterceptor {
  return (_method, call) => {
    // Asked now: of a call that has ended, the library may not know it.
    const peer = call.getPeer();
    strangers.callBegins(peer);
    let requestId = '';
    let hasHeaders = false;
    const tooLate = () => {
      const details = `Nothing came within ${receiveWithinMs / 1000} s.`;
      call.sendStatus({ code: status.DEADLINE_EXCEEDED, details, metadata: named(undefined, requestId) });
    };
    const waiting = setTimeout(tooLate, receiveWithinMs).unref();
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        requestId = requestIdFrom(metadata.get(header)[0]);
        next(named(metadata, requestId));
      })
      .withOnReceiveMessage((message, next) => {
        waiting.refresh();
        next(message);
      })
      .withOnReceiveHalfClose((next) => {
        clearTimeout(waiting);
        next();
      })
      // The library tells every end of a call by this.
      .withOnCancel(() => {
        clearTimeout(waiting);
        strangers.callEnds(peer);
      })
      .build();
    return new ServerInterceptingCall(call, {
      start: (next) => next(listener),
      sendMetadata(metadata, next) {
        hasHeaders = true;
        next(named(metadata, requestId));
      },
      sendStatus({ metadata, ...ended }, next) {
        clearTimeout(waiting);
        next({ ...ended, metadata: hasHeaders ? metadata : named(metadata, requestId) });
      },
    });
  };
}

function named(metadata: Metadata | null | undefined, requestId: string): Metadata {
  const made = metadata ?? new Metadata();
  made.set(header, requestId);
  return made;
}
