import Type, { type Static, type TSchema } from 'typebox';

/**
 * A string enumeration as one `enum` list. A union of literals would be an `anyOf`, for which generators make odd
 * types.
 */
export function stringEnum<const Values extends readonly string[]>(
  values: Values,
  options: Record<string, unknown> = {},
) {
  return Type.Unsafe<Values[number]>({ type: 'string', enum: [...values], ...options });
}

/**
 * A string in an answer with values that may become more. It is no `enum`: generated clients take an enumeration as
 * closed and could not read an answer with a value that was added after them.
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

/** A reference to a schema that is registered under its `$id`. It keeps the static type. */
export function ref<Schema extends TSchema>(schema: Schema) {
  return Type.Unsafe<Static<Schema>>({ $ref: `${(schema as { $id?: string }).$id}#` });
}

/**
 * A value of the schema, or null. Where the schema is of one type, `type` becomes a list, as generators make unions
 * with odd names of an `anyOf`. The `anyOf` is left for schemas with a title.
 */
export function nullable<Schema extends TSchema>(schema: Schema, options: Type.TSchemaOptions = {}) {
  const { type, title } = schema as { type?: string; title?: string };
  const both = type && !title ? { ...schema, type: [type, 'null'] } : { anyOf: [schema, { type: 'null' }] };
  return Type.Unsafe<Static<Schema> | null>({ ...both, ...options });
}

/** A text of any form. */
export const text = (description: string, example: string) => Type.String({ description, examples: [example] });

/** An RFC 3339 time in UTC. */
export const timestamp = (description: string) =>
  Type.String({ description, format: 'date-time', examples: ['2026-11-23T12:00:00.000Z'] });

/** An integer that fits into `int32`, from which typed clients take its type. */
export const integer = (options: Type.TNumberOptions) => Type.Integer({ format: 'int32', ...options });

/** Where the next page begins. */
export const nextCursor = nullable(Type.String(), {
  description: 'the `cursor` of the next page; null on the last',
  examples: ['MTc2MzkwMDAwMDAwMDpzYi00azJ4OXE3bTN2OHQxYzZ6MHc1eQ'],
});

/** A page of a list, newest first. */
export const pageOf = <Item extends TSchema>($id: string, item: Item, description: string) =>
  Type.Object(
    { items: Type.Array(ref(item), { description: 'this page, newest first' }), nextCursor },
    { $id, title: $id, description },
  );

export const resourceVersion = Type.String({
  description: 'changes with every change; the ETag is this in quotes',
  examples: ['7'],
});
