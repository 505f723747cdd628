import path from 'node:path';
import protobuf, { type Type } from 'protobufjs';
import { contractFolder } from './contract.ts';

const files = ['error_details.proto', 'status.proto'];

/** A message of the rich error model (https://grpc.io/docs/guides/error/), by its name within google.rpc. */
export type GoogleRpc = (name: string) => Type;

export function readGoogleRpc(): GoogleRpc {
  const paths = files.map((file) => path.join(contractFolder, 'google', 'rpc', file));
  const root = protobuf.loadSync(paths).resolveAll();
  return (name) => root.lookupType(`google.rpc.${name}`);
}
