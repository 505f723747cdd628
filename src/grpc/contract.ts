import path from 'node:path';
import protobuf, { type Type } from 'protobufjs';

export const contractFolder = path.join(import.meta.dirname, '..', '..', 'openapi');

/** The published contract: what is served is read from it. */
export const contractFile = path.join(contractFolder, 'sandbox.proto');
/** The same with what it imports, and the health service, as descriptors (a FileDescriptorSet): for reflection. */
export const descriptorFile = path.join(contractFolder, 'sandbox.binpb');

const packageName = 'sandplane.v1';

export interface Rpc {
  readonly service: string;
  readonly name: string;
  /** Of the same in REST. */
  readonly operationId: string;
  /** As in the `:path` of the request. */
  readonly path: string;
  readonly request: Type;
  readonly response: Type;
  readonly streams: boolean;
}

export interface Contract {
  readonly rpcs: readonly Rpc[];
  /** With the name of the package. */
  readonly services: readonly string[];
  /** A message by its name within the package. */
  message(name: string): Type;
}

export function readContract(): Contract {
  const root = protobuf.loadSync(contractFile).resolveAll();
  const declared = root.lookup(packageName) as protobuf.Namespace;
  const services = declared.nestedArray.filter((one) => one instanceof protobuf.Service);
  const qualified = (service: protobuf.Service) => `${packageName}.${service.name}`;
  return {
    rpcs: services.flatMap((service) => service.methodsArray.map((method) => toRpc(qualified(service), method))),
    services: services.map(qualified),
    message: (name) => declared.lookupType(name),
  };
}

function toRpc(
  service: string,
  { name, resolvedRequestType, resolvedResponseType, responseStream }: protobuf.Method,
): Rpc {
  if (!resolvedRequestType || !resolvedResponseType) throw new Error(`${name} has no messages`);
  return {
    service,
    name,
    operationId: `${name.charAt(0).toLowerCase()}${name.slice(1)}`,
    path: `/${service}/${name}`,
    request: resolvedRequestType,
    response: resolvedResponseType,
    streams: responseStream === true,
  };
}
