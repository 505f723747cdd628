import type { Type } from 'protobufjs';
import { StatusError } from './transport/status.ts';

/** Of the services that are not operations. Throws StatusError when the bytes are not the message. */
export function decodeMessage<Message>(type: Type, bytes: Uint8Array): Message {
  try {
    return type.decode(bytes) as Message;
  } catch {
    throw new StatusError('INVALID_ARGUMENT', `The bytes are not a ${type.name}.`);
  }
}
