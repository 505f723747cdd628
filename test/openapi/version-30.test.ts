import t from 'tap';
import type { OpenApiDocument, Schema } from '../../src/http/openapi/document.ts';
import { toOpenApi30 } from '../../src/http/openapi/to-30.ts';
import { mapSchemas } from '../../src/http/openapi/walk.ts';
import { readDocument } from '../support/openapi-document.ts';

const withSchemas = (schemas: Record<string, Schema>): OpenApiDocument => ({
  openapi: '3.1.0',
  info: { title: 'T', version: '1', summary: 'not in 3.0' },
  paths: {},
  components: { schemas },
});
const converted = (schemas: Record<string, Schema>) => toOpenApi30(withSchemas(schemas)).components?.schemas;
const one = (schema: Schema) => converted({ One: schema })?.One;
const $ref = '#/components/schemas/Other';

t.test('what 3.0 says in another way', async (t) => {
  t.same(one({ type: ['string', 'null'], maxLength: 5 }), { type: 'string', maxLength: 5, nullable: true });
  t.same(one({ type: ['string', 'null'], enum: ['a'] }), { type: 'string', enum: ['a', null], nullable: true });
  t.same(one({ type: 'string', examples: ['a', 'b'] }), { type: 'string', example: 'a' });
  t.same(one({ type: 'string', const: 'a' }), { type: 'string', enum: ['a'] });
  t.same(one({ type: 'number', exclusiveMinimum: 0 }), { type: 'number', minimum: 0, exclusiveMinimum: true });
  t.same(one({ type: 'number', exclusiveMaximum: 9 }), { type: 'number', maximum: 9, exclusiveMaximum: true });
  t.same(one({ $ref, description: 'd' }), { description: 'd', allOf: [{ $ref }] });
  t.same(one({ type: 'object', propertyNames: { pattern: 'a' } }), { type: 'object' });
  t.same(one({ type: 'array', items: { type: ['integer', 'null'] } })?.items, { type: 'integer', nullable: true });
  t.throws(() => one({ type: ['string', 'integer'] }), /several types/);
  t.throws(() => one({ anyOf: [{ type: 'string' }, { type: 'null' }] }), /only a reference/);
  t.notOk('summary' in toOpenApi30(withSchemas({})).info);
});

t.test('a reference that may be null makes what it refers to nullable, or is refused', async (t) => {
  const Other = { type: 'object' };
  const may = { anyOf: [{ $ref }, { type: 'null' }], description: 'd' };
  t.same(converted({ Other, One: { properties: { may } } }), {
    Other: { type: 'object', nullable: true },
    One: { properties: { may: { $ref } } },
  });
  t.throws(
    () => converted({ Other, One: { properties: { may, must: { $ref } } } }),
    /nullable in one place alone: Other/,
  );
});

t.test('the published document has nothing that 3.0 does not know', async (t) => {
  const document = await readDocument('openapi-3.0.json');
  t.match(document, { openapi: '3.0.3', info: { license: { identifier: undefined } } });
  let seen = 0;
  const unknown = ['const', 'examples', 'propertyNames', 'contentSchema', 'contentMediaType', 'oneOf'];
  const look = (schema: Schema): Schema => {
    seen += 1;
    for (const keyword of unknown) t.notOk(keyword in schema, `${keyword} in ${JSON.stringify(schema).slice(0, 200)}`);
    t.notOk(Array.isArray(schema.type) || schema.type === 'null');
    if ('nullable' in schema) t.type(schema.type, 'string', 'nullable counts beside a type');
    if (schema.$ref) t.same(Object.keys(schema), ['$ref']);
    for (const inner of [schema.items, ...Object.values(schema.properties ?? {})]) if (inner) look(inner);
    return schema;
  };
  mapSchemas(document, look);
  t.ok(seen > 500, `${seen} schemas`);
});
