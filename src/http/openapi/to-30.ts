import type { OpenApiDocument, Schema } from './document.ts';
import { mapInnerSchemas, mapSchemas } from './walk.ts';

/**
 * The same document as OpenAPI 3.0.3, for generators that know no newer one. What 3.0 cannot say is left out: rules for
 * the names in a map and for what a text holds, more than one example of a schema, the summary of the service, the SPDX name of its licence.
 */
export function toOpenApi30(document: OpenApiDocument): OpenApiDocument {
  const { summary: _summary, license, ...info } = document.info as { summary?: string; license?: License };
  return {
    ...mapSchemas(document, toSchema30),
    openapi: '3.0.3',
    info: { ...info, ...(license && { license: toLicense30(license) }) },
  };
}

interface License {
  readonly name: string;
  readonly identifier?: string;
}

function toLicense30({ name, identifier }: License) {
  return { name, ...(identifier && { url: `https://spdx.org/licenses/${identifier}.html` }) };
}

function toSchema30(schema: Schema): Schema {
  const {
    propertyNames: _names,
    contentMediaType: _type,
    contentSchema: _content,
    examples,
    const: only,
    ...rest
  } = mapInnerSchemas(schema, toSchema30);
  return {
    ...toExclusive30(toNullable30(rest)),
    ...(only !== undefined && { enum: [only] }),
    ...(examples && { example: examples[0] }),
  };
}

const isNull = ({ type }: Schema) => type === 'null';

/** 3.0 has no type of null, and nothing counts beside a reference. */
function toNullable30(schema: Schema): Schema {
  const { type, anyOf, ...rest } = schema;
  if (Array.isArray(type)) {
    const [first, ...more] = type.filter((one: string) => one !== 'null');
    if (more.length > 0) throw new Error(`OpenAPI 3.0 has no schema of several types: ${type}`);
    const values = Array.isArray(rest.enum) && type.includes('null') ? { enum: [...rest.enum, null] } : {};
    return { type: first, ...rest, ...values, ...(type.includes('null') && { nullable: true }) };
  }
  if (anyOf?.some(isNull)) {
    const others = anyOf.filter((one) => !isNull(one));
    return { ...rest, nullable: true, ...(others.length === 1 ? { allOf: others } : { anyOf: others }) };
  }
  if (schema.$ref === undefined || Object.keys(schema).length === 1) return schema;
  const { $ref, ...beside } = schema;
  return { ...beside, allOf: [{ $ref }] };
}

/** In 3.0 an exclusive bound is a bound and a flag. */
function toExclusive30({ exclusiveMinimum: least, exclusiveMaximum: most, ...schema }: Schema): Schema {
  return {
    ...schema,
    ...(least !== undefined && { minimum: least, exclusiveMinimum: true }),
    ...(most !== undefined && { maximum: most, exclusiveMaximum: true }),
  };
}
