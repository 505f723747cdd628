import type { Answer, Header, Media, OpenApiDocument, Operation, Schema } from './document.ts';

type Change<Part> = (part: Part) => Part;

/** Each value of a map, changed. */
export function mapValues<From, To>(
  map: Readonly<Record<string, From>>,
  change: (value: From, name: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value, name)]));
}

/** The schemas right within a schema, changed. Examples and defaults are data, and stay. */
export function mapInnerSchemas(schema: Schema, change: Change<Schema>): Schema {
  const { properties, items, additionalProperties, anyOf } = schema;
  return {
    ...schema,
    ...(properties && { properties: mapValues(properties, change) }),
    ...(items && { items: change(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: change(additionalProperties) }),
    ...(anyOf && { anyOf: anyOf.map(change) }),
  };
}

/** The schemas of all operations and components, changed, those that have a name of their own by `changeNamed`. */
export function mapSchemas(
  document: OpenApiDocument,
  change: Change<Schema>,
  changeNamed: Change<Schema> = change,
): OpenApiDocument {
  const part = <Part extends { readonly schema?: Schema }>(one: Part): Part =>
    one.schema ? { ...one, schema: change(one.schema) } : one;
  const answer: Change<Answer> = (one) => ({
    ...one,
    ...(one.headers && { headers: mapValues<Header, Header>(one.headers, part) }),
    ...(one.content && { content: mapValues<Media, Media>(one.content, part) }),
  });
  const operation: Change<Operation> = (one) => ({
    ...one,
    ...(one.parameters && { parameters: one.parameters.map(part) }),
    ...(one.requestBody && {
      requestBody: { ...one.requestBody, content: mapValues<Media, Media>(one.requestBody.content, part) },
    }),
    responses: mapValues(one.responses, answer),
  });
  const { schemas = {}, headers, responses } = document.components ?? {};
  return {
    ...document,
    components: {
      ...document.components,
      schemas: mapValues(schemas, changeNamed),
      ...(headers && { headers: mapValues<Header, Header>(headers, part) }),
      ...(responses && { responses: mapValues(responses, answer) }),
    },
    paths: mapValues(document.paths, (methods) => mapValues(methods, operation)),
  };
}
