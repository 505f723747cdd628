import Type, { type Static, type TSchema } from 'typebox';

/** A string enumeration as one `enum` list: literal unions become an `anyOf` that generators turn into odd types. */
export function stringEnum<const Values extends readonly string[]>(
  values: Values,
  options: Record<string, unknown> = {},
) {
  return Type.Unsafe<Values[number]>({ type: 'string', enum: [...values], ...options });
}

/** A reference to a schema that the application registered under its `$id`, with its type kept. */
export function ref<Schema extends TSchema>(schema: Schema) {
  return Type.Unsafe<Static<Schema>>({ $ref: `${(schema as { $id?: string }).$id}#` });
}

export function nullable<Schema extends TSchema>(schema: Schema, options: Type.TSchemaOptions = {}) {
  return Type.Union([schema, Type.Null()], options);
}

/** An RFC 3339 time in UTC. */
export const timestamp = (description: string) =>
  Type.String({ description, format: 'date-time', examples: ['2026-11-23T12:00:00.000Z'] });
