import {
  type Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { contractFile } from '../../src/grpc/contract.ts';

/** A client that is made from the published contract alone, as a user would make it in Node. */
export function connectTo(address: string, service = 'SandboxService', channel = credentials.createInsecure()) {
  const definition = loadSync(contractFile, { longs: Number, enums: String, defaults: true });
  const { sandplane } = loadPackageDefinition(definition) as unknown as {
    sandplane: { v1: Record<string, ServiceClientConstructor> };
  };
  const Service = sandplane.v1[service];
  if (!Service) throw new Error(`no ${service}`);
  return new Service(address, channel) as Client & Record<string, never>;
}

export function withKey(key: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  return metadata;
}
