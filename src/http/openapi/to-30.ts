import type { Media, OpenApiDocument, Operation, Schema } from './document.ts';
import { mapOperations, operationsOf } from './names.ts';
import { mapInnerSchemas, mapSchemas, mapValues } from './walk.ts';

/**
 * The same document as OpenAPI 3.0.3, for generators that know no newer one. What 3.0 cannot say is left out: rules for
 * the names in a map or for the values of single names, the schema of JSON within a text, further examples of a
 * schema, the summary of the service.
 */
export function toOpenApi30(document: OpenApiDocument): OpenApiDocument {
  const { summary: _summary, ...info } = document.info;
  const { components, ...rest } = mapSchemas(document, toSchema30);
  const nullable = nullableNames(document);
  const bodies = bodyExamples(document);
  const schemas = mapValues(components?.schemas ?? {}, (schema, name) => ({
    ...schema,
    ...(nullable.has(name) && { nullable: true }),
    ...(bodies.has(name) && { example: bodies.get(name) }),
  }));
  const converted = { ...rest, openapi: '3.0.3', info, components: { ...components, schemas } };
  return mapOperations(converted, withoutBodyExamples);
}

const isNull = ({ type }: Schema) => type === 'null';
const nameOf = ($ref = '') => $ref.replace('#/components/schemas/', '');

/**
 * The fullest example of a body, by schema: generators of 3.0 read it from there, and warn of examples beside a
 * reference.
 */
function bodyExamples(document: OpenApiDocument): Map<string, unknown> {
  const media = operationsOf(document).flatMap(({ requestBody }) => Object.values(requestBody?.content ?? {}));
  return new Map(
    media.map(({ schema, examples = {} }) => [nameOf(schema?.$ref), Object.values(examples).at(-1)?.value]),
  );
}

function withoutBodyExamples(operation: Operation): Operation {
  const { requestBody } = operation;
  if (!requestBody) return operation;
  const content = mapValues<Media, Media>(requestBody.content, ({ examples: _examples, ...media }) => media);
  return { ...operation, requestBody: { ...requestBody, content } };
}

/**
 * In 3.0 a reference cannot be made nullable without a union that typed clients stumble over: the schema is said to be
 * nullable itself. So it has to be that wherever it is referred to; throws when it is not.
 */
function nullableNames(document: OpenApiDocument): Set<string> {
  const seen = { nullable: new Set<string>(), plain: new Set<string>() };
  const visit = (schema: Schema): Schema => {
    const isNullable = schema.anyOf?.some(isNull);
    for (const { $ref } of schema.anyOf ?? [schema]) {
      if ($ref) seen[isNullable ? 'nullable' : 'plain'].add(nameOf($ref));
    }
    return schema.anyOf ? schema : mapInnerSchemas(schema, visit);
  };
  mapSchemas(document, visit);
  const both = [...seen.nullable].filter((name) => seen.plain.has(name));
  if (both.length > 0) throw new Error(`in OpenAPI 3.0, these cannot be nullable in one place alone: ${both}`);
  return seen.nullable;
}

function toSchema30(schema: Schema): Schema {
  const inner = mapInnerSchemas(schema, toSchema30);
  const {
    propertyNames: _names,
    contentMediaType: _type,
    contentSchema: _json,
    examples,
    const: only,
    ...rest
  } = inner;
  return {
    ...toMap30(toExclusive30(toNullable30(rest))),
    ...(only !== undefined && { enum: [only] }),
    ...(examples && { example: examples[0] }),
  };
}

/** 3.0 has no type `null`, and ignores what stands beside a reference. */
function toNullable30(schema: Schema): Schema {
  const { type, ...rest } = schema;
  const { anyOf } = rest;
  if (Array.isArray(type)) {
    const [first, ...more] = type.filter((one: string) => one !== 'null');
    if (more.length > 0) throw new Error(`OpenAPI 3.0 has no schema of several types: ${type}`);
    const values = Array.isArray(rest.enum) && type.includes('null') ? { enum: [...rest.enum, null] } : {};
    return { type: first, ...rest, ...values, ...(type.includes('null') && { nullable: true }) };
  }
  if (anyOf?.some(isNull)) {
    const [first, ...more] = anyOf.filter((one) => !isNull(one));
    if (!first?.$ref || more.length > 0) throw new Error('only a reference is made nullable by anyOf');
    return first;
  }
  if (schema.$ref === undefined || Object.keys(schema).length === 1) return schema;
  const { $ref, ...beside } = schema;
  return { ...beside, allOf: [{ $ref }] };
}

/** Generators of 3.0 make a class of a schema with named properties, so a map must not name any. */
function toMap30({ properties, ...schema }: Schema): Schema {
  const isMap = typeof schema.additionalProperties === 'object';
  return properties === undefined || isMap ? schema : { ...schema, properties };
}

/** In 3.0 an exclusive bound is a bound and a flag. */
function toExclusive30({ exclusiveMinimum: least, exclusiveMaximum: most, ...schema }: Schema): Schema {
  return {
    ...schema,
    ...(least !== undefined && { minimum: least, exclusiveMinimum: true }),
    ...(most !== undefined && { maximum: most, exclusiveMaximum: true }),
  };
}
