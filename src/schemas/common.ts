import Type, { type Static, type TSchema } from 'typebox';

/** A string enumeration as one `enum` list: literal unions become an `anyOf` that generators turn into odd types. */
export function stringEnum<const Values extends readonly string[]>(
  values: Values,
  options: Record<string, unknown> = {},
) {
  return Type.Unsafe<Values[number]>({ type: 'string', enum: [...values], ...options });
}

/**
 * The same in an answer, where values may be added: to a generated client an enumeration is closed, and it could not
 * read an answer with a value that is newer than itself.
 */
export function openEnum<const Values extends readonly string[]>(
  values: Values,
  { description, ...options }: { description: string; examples: readonly unknown[] },
) {
  const told = `${description}. More values may be added`;
  return Type.Unsafe<Values[number]>({
    type: 'string',
    description: told,
    'x-extensible-enum': [...values],
    ...options,
  });
}

/** A reference to a schema that the application registered under its `$id`, with its type kept. */
export function ref<Schema extends TSchema>(schema: Schema) {
  return Type.Unsafe<Static<Schema>>({ $ref: `${(schema as { $id?: string }).$id}#` });
}

/**
 * The same or null. With a list of types where there is one type: generators make a union with odd names out of an
 * `anyOf`, which is left to schemas with names of their own.
 */
export function nullable<Schema extends TSchema>(schema: Schema, options: Type.TSchemaOptions = {}) {
  const { type, title } = schema as { type?: string; title?: string };
  const both = type && !title ? { ...schema, type: [type, 'null'] } : { anyOf: [schema, { type: 'null' }] };
  return Type.Unsafe<Static<Schema> | null>({ ...both, ...options });
}

/** An RFC 3339 time in UTC. */
export const timestamp = (description: string) =>
  Type.String({ description, format: 'date-time', examples: ['2026-11-23T12:00:00.000Z'] });

/** `int32` is what holds any count here; a typed client takes its type from it. */
export const integer = (options: Type.TNumberOptions) => Type.Integer({ format: 'int32', ...options });

/** Where the next page begins. */
export const nextCursor = nullable(Type.String(), {
  description: 'the `cursor` of the next page; null on the last',
  examples: ['MTc2MzkwMDAwMDAwMDpzYi00azJ4OXE3bTN2OHQxYzZ6MHc1eQ'],
});

export const resourceVersion = Type.String({
  description: 'changes with every change; the ETag is this in quotes',
  examples: ['7'],
});
