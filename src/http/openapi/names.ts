import type { Answer, Body, Header, Media, OpenApiDocument, Operation, Parameter, Schema } from './document.ts';
import { mapInnerSchemas, mapSchemas, mapValues } from './walk.ts';

/** Schemas that have a title, moved to the components under it: a generated client has a type for each. */
export function nameSchemas(document: OpenApiDocument): OpenApiDocument {
  const named = new Map<string, Schema>();
  const register = (title: string, schema: Schema) => {
    const known = named.get(title);
    if (known && shapeOf(known) !== shapeOf(schema)) throw new Error(`two schemas have the title ${title}`);
    if (!known) named.set(title, schema);
  };
  const reference = (schema: Schema): Schema => {
    const inner = mapInnerSchemas(schema, reference);
    if (!schema.title) return inner;
    register(schema.title, inner);
    return { $ref: `#/components/schemas/${schema.title}` };
  };
  const { components, ...rest } = mapSchemas(document, reference, (schema) => {
    const inner = mapInnerSchemas(schema, reference);
    register(schema.title ?? '', inner);
    return inner;
  });
  return { ...rest, components: { ...components, schemas: Object.fromEntries([...named].sort(byName)) } };
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1);

/** The rules of a schema without its description, examples and default. */
function shapeOf(schema: Schema): string {
  const { description: _told, examples: _shown, default: _given, ...rules } = schema;
  return JSON.stringify(rules);
}

/** In requests, what has a default is not required: the service fills it in before it validates. */
export function freeDefaults(document: OpenApiDocument): OpenApiDocument {
  const free = (schema: Schema): Schema => {
    const inner = mapInnerSchemas(schema, free);
    if (schema.additionalProperties !== false) return inner;
    // The default of an object follows from those of its fields.
    const { default: _follows, required = [], ...rest } = inner;
    const needed = required.filter((name) => schema.properties?.[name]?.default === undefined);
    return { ...rest, ...(needed.length > 0 && { required: needed }) };
  };
  const hasDefault = ({ schema }: Media | Parameter) => schema?.default !== undefined;
  const parameter = (one: Parameter): Parameter => (hasDefault(one) ? { ...one, required: false } : one);
  const body = (one: Body): Body => (Object.values(one.content).some(hasDefault) ? { ...one, required: false } : one);
  const freed = mapOperations(document, ({ parameters, requestBody, ...operation }) => ({
    ...operation,
    ...(parameters && { parameters: parameters.map(parameter) }),
    ...(requestBody && { requestBody: body(requestBody) }),
  }));
  return mapSchemas(freed, free);
}

/** Headers of answers that have a title, moved to the components under it. */
export function nameHeaders(document: OpenApiDocument): OpenApiDocument {
  const named = new Map<string, Header>();
  const reference = (header: Header): Header => {
    const { title, examples, ...schema } = header.schema ?? {};
    if (!title) throw new Error('a header of an answer has no title');
    named.set(title, { ...header, schema, example: examples?.[0] });
    return { $ref: `#/components/headers/${title}` };
  };
  const answer = (one: Answer): Answer =>
    one.headers ? { ...one, headers: mapValues<Header, Header>(one.headers, reference) } : one;
  const { components, ...rest } = mapOperations(document, (operation) => ({
    ...operation,
    responses: mapValues(operation.responses, answer),
  }));
  return { ...rest, components: { ...components, headers: Object.fromEntries([...named].sort(byName)) } };
}

/** For each status, the problem that most operations share is moved to the components. */
export function nameProblems(document: OpenApiDocument, names: Readonly<Record<string, string>>): OpenApiDocument {
  const counts = new Map<string, { status: string; answer: Answer; count: number }>();
  for (const { responses } of operationsOf(document)) {
    for (const [status, answer] of Object.entries(responses)) {
      const key = JSON.stringify([status, answer]);
      const known = counts.get(key) ?? { status, answer, count: 0 };
      counts.set(key, { ...known, count: known.count + 1 });
    }
  }
  const responses: Record<string, Answer> = {};
  for (const [status, name] of Object.entries(names)) {
    const [first] = [...counts.values()].filter((one) => one.status === status).sort((a, b) => b.count - a.count);
    if (first && first.count > 1) responses[name] = first.answer;
  }
  const reference = (answer: Answer, status: string): Answer => {
    const name = names[status];
    const isNamed = name && responses[name] && JSON.stringify(responses[name]) === JSON.stringify(answer);
    return isNamed ? { $ref: `#/components/responses/${name}` } : answer;
  };
  const { components, ...rest } = mapOperations(document, (operation) => ({
    ...operation,
    responses: mapValues(operation.responses, reference),
  }));
  return { ...rest, components: { ...components, responses } };
}

export function operationsOf({ paths }: OpenApiDocument): Operation[] {
  return Object.values(paths).flatMap((methods) => Object.values(methods));
}

export function mapOperations(document: OpenApiDocument, change: (operation: Operation) => Operation): OpenApiDocument {
  const paths = mapValues(document.paths, (methods) => mapValues(methods, change));
  const { components, ...rest } = document;
  return { ...rest, components: components ?? {}, paths };
}
