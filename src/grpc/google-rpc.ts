import path from 'node:path';
import protobuf, { type Type } from 'protobufjs';
import { contractFolder } from './contract.ts';

const files = ['error_details.proto', 'status.proto'].map((name) => path.join(contractFolder, 'google', 'rpc', name));
const root = protobuf.loadSync(files).resolveAll();

/** A message of the rich error model (https://grpc.io/docs/guides/error/), by its name within google.rpc. */
export function googleRpc(name: string): Type {
  return root.lookupType(`google.rpc.${name}`);
}
