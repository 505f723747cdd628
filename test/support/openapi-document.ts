import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import type { Media, OpenApiDocument, Operation, Schema } from '../../src/http/openapi/document.ts';

export async function readDocument(name: string): Promise<OpenApiDocument> {
  const file = path.join(import.meta.dirname, '..', '..', 'openapi', name);
  return JSON.parse(await readFile(file, 'utf8')) as OpenApiDocument;
}

/** An example in the document, and the schema by which it has to be valid. */
export interface Shown {
  readonly where: string;
  readonly schema: Schema;
  readonly value: unknown;
}

type Place = { readonly schema?: Schema; readonly example?: unknown; readonly examples?: Media['examples'] };

/** Every example of the document: of parameters, headers, bodies, answers and schemas. */
export function examplesOf(document: OpenApiDocument): Shown[] {
  const { schemas = {}, headers = {}, responses = {} } = document.components ?? {};
  const shown: Shown[] = [];
  const addExamples = (where: string, { schema, example, examples = {} }: Place) => {
    if (!schema) return;
    if (example !== undefined) shown.push({ where, schema, value: example });
    for (const [name, { value }] of Object.entries(examples)) shown.push({ where: `${where} ${name}`, schema, value });
    within(where, schema);
  };
  const within = (where: string, schema: Schema) => {
    for (const value of schema.examples ?? []) shown.push({ where, schema, value });
    for (const [name, one] of Object.entries(schema.properties ?? {})) within(`${where}/${name}`, one);
    if (schema.items) within(`${where}/items`, schema.items);
  };
  const media = (where: string, content: Readonly<Record<string, Media>> = {}) => {
    for (const [type, one] of Object.entries(content)) addExamples(`${where} ${type}`, one as Place);
  };
  for (const [name, schema] of Object.entries(schemas)) within(name, schema);
  for (const [name, header] of Object.entries(headers)) addExamples(name, header as Place);
  for (const [name, { content }] of Object.entries(responses)) media(name, content);
  for (const { operationId, parameters = [], requestBody, responses } of allOperations(document)) {
    for (const parameter of parameters) addExamples(`${operationId} ${parameter.name}`, parameter as Place);
    media(operationId, requestBody?.content);
    for (const [status, { content }] of Object.entries(responses)) media(`${operationId} ${status}`, content);
  }
  return shown;
}

export function allOperations({ paths }: OpenApiDocument): Operation[] {
  return Object.values(paths).flatMap((methods) => Object.values(methods));
}

/** Returns why a value is not valid by a schema of the document; empty when it is valid. */
export function createChecker(document: OpenApiDocument): (schema: Schema, value: unknown) => string {
  const ajv = ajvFormats.default(
    new Ajv2020({
      strict: false,
      allErrors: true,
      formats: { cursor: true, 'label-selector': true, etags: true, 'event-id': true },
    }),
  );
  ajv.addSchema({ $id: 'document', ...document });
  return (schema, value) => {
    const own = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')) as Schema;
    const validate = ajv.compile(own);
    return validate(value) ? '' : ajv.errorsText(validate.errors);
  };
}
