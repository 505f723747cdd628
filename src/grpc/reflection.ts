import { readFileSync } from 'node:fs';
import type { Server, ServerDuplexStream } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import descriptors from 'protobufjs/ext/descriptor/index.js';
import { descriptorFile } from './contract.ts';
import { limitOpenStreams } from './open-streams.ts';

const mostOpen = 100;

type Call = ServerDuplexStream<unknown, unknown>;

/** Tells clients what is served, from the published descriptors. Needs no key, as the contract is public. */
export function addReflection(server: Server, closing: AbortSignal): void {
  new ReflectionService({ published: publishedDescriptors() }).addToServer({
    addService(definition, { ServerReflectionInfo: answer }) {
      const serve = (call: Call) => {
        (answer as (call: Call) => void)(call);
        readAsFastAsRead(call);
      };
      server.addService(definition, { ServerReflectionInfo: limitOpenStreams(serve, mostOpen, closing) });
    },
  });
}

/**
 * Stops reading questions while the client does not read the answers: the library alone would keep answering into
 * memory.
 */
function readAsFastAsRead(call: Call): void {
  call.on('data', () => {
    if (!call.writableNeedDrain) return;
    call.pause();
    call.once('drain', () => call.resume());
  });
}

/**
 * As they were published. @grpc/proto-loader would make them anew, without the JSON names, the imports, and which fields
 * are optional. The library reads nothing of a definition but its files.
 */
function publishedDescriptors() {
  const { FileDescriptorProto, FileDescriptorSet } = descriptors;
  const { file: files } = FileDescriptorSet.decode(readFileSync(descriptorFile)) as never as { file: object[] };
  return {
    format: 'Protocol Buffer 3 EnumDescriptorProto' as const,
    type: {},
    fileDescriptorProtos: files.map((file) => Buffer.from(FileDescriptorProto.encode(file).finish())),
  };
}
