import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import protobuf from 'protobufjs';
import descriptors from 'protobufjs/ext/descriptor/index.js';
import { descriptorFile } from './contract.ts';
import { decodeMessage } from './decode-message.ts';
import { bareStatus } from './errors.ts';
import type { Exchange } from './transport/exchange.ts';
import type { Serve } from './transport/server.ts';
import { StatusError, statusCodes } from './transport/status.ts';

/** https://github.com/grpc/grpc-proto/blob/master/grpc/reflection/v1/reflection.proto; v1alpha is the same. */
const definitions = {
  nested: {
    Request: {
      fields: {
        host: { type: 'string', id: 1 },
        fileByFilename: { type: 'string', id: 3 },
        fileContainingSymbol: { type: 'string', id: 4 },
        listServices: { type: 'string', id: 7 },
      },
    },
    Response: {
      fields: {
        validHost: { type: 'string', id: 1 },
        originalRequest: { type: 'Request', id: 2 },
        fileDescriptorResponse: { type: 'Files', id: 4 },
        listServicesResponse: { type: 'Services', id: 6 },
        errorResponse: { type: 'Failure', id: 7 },
      },
    },
    Files: { fields: { fileDescriptorProto: { rule: 'repeated', type: 'bytes', id: 1 } } },
    Services: { fields: { service: { rule: 'repeated', type: 'Service', id: 1 } } },
    Service: { fields: { name: { type: 'string', id: 1 } } },
    Failure: { fields: { errorCode: { type: 'int32', id: 1 }, errorMessage: { type: 'string', id: 2 } } },
    FileSet: { fields: { file: { rule: 'repeated', type: 'bytes', id: 1 } } },
  },
};
const messages = protobuf.Root.fromJSON(definitions);
const [Request, Response, FileSet] = ['Request', 'Response', 'FileSet'].map((name) => messages.lookupType(name)) as [
  protobuf.Type,
  protobuf.Type,
  protobuf.Type,
];

interface Asked {
  readonly fileByFilename?: string;
  readonly fileContainingSymbol?: string;
  readonly listServices?: string;
}

interface Declared {
  readonly name?: string | null;
  readonly package?: string | null;
  readonly dependency?: readonly string[] | null;
  readonly messageType?: readonly Declared[] | null;
  readonly nestedType?: readonly Declared[] | null;
  readonly enumType?: readonly Declared[] | null;
  readonly service?: readonly Declared[] | null;
  readonly method?: readonly Declared[] | null;
}

/** Tells clients what is served, from the published descriptors. Needs no key, as the contract is public. */
export function reflectionMethods(closing: AbortSignal, logger: Logger): Iterable<[path: string, serve: Serve]> {
  const answer = createAnswers(readFileSync(descriptorFile));
  const serve = (exchange: Exchange) => {
    const end = () => exchange.finish();
    closing.addEventListener('abort', end);
    exchange.onGone(() => closing.removeEventListener('abort', end));
    answerEach(exchange, answer)
      .then(end)
      .catch((error: unknown) => {
        // What failed then is that nobody reads any more.
        if (exchange.isGone) return;
        if (error instanceof StatusError) return exchange.end(error);
        exchange.end(bareStatus(exchange, error, logger));
      });
  };
  return ['v1', 'v1alpha'].map((version) => [
    `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    serve,
  ]);
}

/** One question after the other, as fast as the answers are read. */
async function answerEach(exchange: Exchange, answer: (asked: Asked) => object): Promise<void> {
  const gone = exchange.gone();
  for await (const bytes of exchange.messages()) {
    const response = answer(decodeMessage<Asked>(Request, bytes));
    await exchange.write(Response.encode(response).finish(), gone);
  }
}

function createAnswers(fileSet: Uint8Array): (asked: Asked) => object {
  const files = new Map<string, { bytes: Uint8Array; declared: Declared }>();
  const fileOf = new Map<string, string>();
  const services: string[] = [];
  for (const bytes of (FileSet.decode(fileSet) as never as { file: Uint8Array[] }).file) {
    const declared = descriptors.FileDescriptorProto.decode(bytes) as Declared;
    const name = declared.name ?? '';
    files.set(name, { bytes, declared });
    for (const symbol of symbolsOf(declared)) fileOf.set(symbol, name);
    services.push(...(declared.service ?? []).map((service) => `${declared.package}.${service.name}`));
  }

  /** A file before those that it depends on, each once. */
  const withDependencies = (name: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(name)) return seen;
    seen.add(name);
    for (const other of files.get(name)?.declared.dependency ?? []) withDependencies(other, seen);
    return seen;
  };

  return (asked) => {
    const originalRequest = asked;
    if (Object.hasOwn(asked, 'listServices')) {
      return { originalRequest, listServicesResponse: { service: services.map((name) => ({ name })) } };
    }
    const wanted = asked.fileByFilename || fileOf.get(asked.fileContainingSymbol ?? '');
    if (!wanted || !files.has(wanted)) {
      // Not told again: it may be long.
      return { errorResponse: { errorCode: statusCodes.NOT_FOUND, errorMessage: 'nothing here has that name' } };
    }
    const found = [...withDependencies(wanted)].flatMap((name) => files.get(name)?.bytes ?? []);
    return { originalRequest, fileDescriptorResponse: { fileDescriptorProto: found } };
  };
}

/** Services, methods, messages and enums, with the names of what they are in. */
function symbolsOf({ package: scope, messageType, enumType, service }: Declared): string[] {
  const of = (parent: string, declared: readonly Declared[] | null | undefined): string[] =>
    (declared ?? []).flatMap((one) => {
      const name = `${parent}.${one.name}`;
      return [name, ...of(name, one.nestedType), ...of(name, one.enumType), ...of(name, one.method)];
    });
  return [...of(scope ?? '', messageType), ...of(scope ?? '', enumType), ...of(scope ?? '', service)];
}
