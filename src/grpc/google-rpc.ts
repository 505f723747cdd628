import path from 'node:path';
import protobuf, { type Type } from 'protobufjs';
import { contractFolder } from './contract.ts';

const files = ['error_details.proto', 'status.proto'];
let root: protobuf.Namespace | undefined;

/** A message of the rich error model (https://grpc.io/docs/guides/error/), by its name within google.rpc. */
export function googleRpc(name: string): Type {
  const paths = files.map((file) => path.join(contractFolder, 'google', 'rpc', file));
  const read = root ?? protobuf.loadSync(paths).resolveAll();
  root = read;
  return read.lookupType(`google.rpc.${name}`);
}
