import path from 'node:path';
import protobuf, { type Type } from 'protobufjs';

/** The published contract: what is served is read from it. */
export const contractFile = path.join(import.meta.dirname, '..', '..', 'openapi', 'sandbox.proto');

const packageName = 'sandplane.v1';

export interface Rpc {
  readonly service: string;
  readonly name: string;
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
    path: `/${service}/${name}`,
    request: resolvedRequestType,
    response: resolvedResponseType,
    streams: responseStream === true,
  };
}
