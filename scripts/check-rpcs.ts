import protobuf, { type Type } from 'protobufjs';
import document from '../openapi/openapi.json' with { type: 'json' };
import { type Rpc, readContract } from '../src/grpc/contract.ts';
import { enumWords, jsonName } from '../src/grpc/messages.ts';
import { messageName } from '../src/grpc/requests.ts';
import { heldIn } from '../src/grpc/responses.ts';

/** Fails when REST has an operation, a parameter, a field or a value that gRPC has not, unless it stands here. */
const withoutRpc: Readonly<Record<string, string>> = {
  getReadiness: 'the health service of gRPC tells it',
};
const withoutField: Readonly<Record<string, string>> = {
  'last-event-id': 'is the same as since, as browsers send it',
};
/** Their messages are not the JSON of REST. */
const otherwise: Readonly<Record<string, string>> = {
  getKubeconfig: 'is text',
  getLogs: 'comes in pieces',
};

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly (string | null)[];
  readonly 'x-extensible-enum'?: readonly string[];
}
interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface Operation {
  readonly operationId?: string;
  readonly parameters?: readonly { readonly name: string }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

const faults = new Set<string>();

function check(): void {
  const { rpcs } = readContract();
  const { paths } = document as unknown as { paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  const ids = operations.flatMap(({ operationId }) => operationId ?? []);
  for (const operation of operations) {
    const { operationId = '' } = operation;
    const rpc = rpcs.find((one) => one.operationId === operationId);
    if (rpc) compare(operationId, operation, rpc);
    else if (operationId && !withoutRpc[operationId]) faults.add(`${operationId} has no rpc`);
  }
  for (const { name, operationId } of rpcs)
    if (!ids.includes(operationId)) faults.add(`${name} is no operation of REST`);
}

function compare(operationId: string, { parameters = [], requestBody, responses }: Operation, rpc: Rpc): void {
  const fields = new Set(rpc.request.fieldsArray.map(jsonName));
  for (const { name } of parameters) {
    if (fields.has(messageName(operationId, name)) || withoutField[name]) continue;
    faults.add(`${rpc.request.name} has no field for the parameter ${name}`);
  }
  const body = schemaOf(requestBody);
  if (body) compareShape(body, rpc.request, { both: false });
  const answers = Object.entries(responses).filter(([status]) => status.startsWith('2'));
  for (const [, answer] of answers) {
    const schema = schemaOf(answer);
    const held = rpc.response.fields[heldIn(operationId) ?? '']?.resolvedType;
    if (!schema || otherwise[operationId]) continue;
    // A secret stands beside what it is of.
    compareShape(schema, held instanceof protobuf.Type ? held : rpc.response, { both: !held, beside: rpc.response });
  }
}

function schemaOf(given: Content | undefined): Schema | undefined {
  return Object.values(given?.content ?? {})[0]?.schema;
}

/** `both`: the message has nothing else either. */
function compareShape(given: Schema, type: Type, { both, beside }: { both: boolean; beside?: Type }): void {
  const { properties = {} } = resolve(given);
  const fields = new Map(
    [...(beside?.fieldsArray ?? []), ...type.fieldsArray].map((field) => [jsonName(field), field]),
  );
  for (const [name, property] of Object.entries(properties)) {
    const field = fields.get(name);
    if (!field) {
      faults.add(`${type.name} has no field ${name}`);
      continue;
    }
    const schema = resolve(property);
    const { resolvedType } = field;
    if (resolvedType instanceof protobuf.Enum) compareWords(schema, resolvedType);
    // Names that REST lists are keys of a map.
    else if (field.map) continue;
    else if (schema.properties && resolvedType instanceof protobuf.Type) compareShape(schema, resolvedType, { both });
    else if (schema.properties) faults.add(`${type.name}.${name} is not a message`);
  }
  if (!both) return;
  for (const name of fields.keys()) if (!(name in properties)) faults.add(`${type.name}.${name} is nothing in REST`);
}

function compareWords(schema: Schema, type: protobuf.Enum): void {
  const words = new Set(enumWords(type).values());
  const wanted = (schema.enum ?? schema['x-extensible-enum'] ?? []).filter((word) => word !== null);
  for (const word of wanted) if (!words.has(word)) faults.add(`${type.name} has no value for ${word}`);
}

/** Through references, lists, and "or null". */
function resolve(schema: Schema): Schema {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return resolve((document.components.schemas as unknown as Record<string, Schema>)[name] ?? {});
  }
  if (schema.items) return resolve(schema.items);
  const real = schema.anyOf?.find(({ type }) => type !== 'null');
  return real ? resolve(real) : schema;
}

check();
if (faults.size > 0) {
  process.stderr.write(`openapi/sandbox.proto has not all that openapi/openapi.json has:\n${[...faults].join('\n')}\n`);
  process.exitCode = 1;
}
