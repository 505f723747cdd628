import t, { type Test } from 'tap';
import { type ErrorCode, errorTable } from '../../src/errors.ts';
import type { Answer, Operation, Schema } from '../../src/http/openapi/document.ts';
import type { Problem } from '../../src/schemas/problem.ts';
import { allOperations, createChecker, examplesOf, readDocument } from '../support/openapi-document.ts';

/** What the published document promises to who reads it or makes a client from it. */
const document = await readDocument('openapi.json');
const { schemas = {}, responses: named = {} } = document.components ?? {};
const operations = allOperations(document);
const faultOf = createChecker(document);

const resolve = (answer: Answer): Answer =>
  typeof answer.$ref === 'string' ? (named[answer.$ref.replace('#/components/responses/', '')] ?? {}) : answer;
const answersOf = ({ responses }: Operation) =>
  Object.entries(responses).map(([status, answer]) => ({ status: Number(status), answer: resolve(answer) }));

t.test('every example is valid by its schema', async (t) => {
  const shown = examplesOf(document);
  t.ok(shown.length > 400, `${shown.length} examples`);
  for (const { where, schema, value } of shown) t.equal(faultOf(schema, value), '', where);
  t.match(faultOf({ $ref: '#/components/schemas/Sandbox' }, {}), /must have required property/, 'a fault is seen');
});

for (const [method, operation] of Object.values(document.paths).flatMap((one) => Object.entries(one))) {
  const readsBody = method !== 'get';
  const { operationId, summary, description, tags, parameters = [], requestBody } = operation;
  t.test(`${operationId} is told in full`, async (t) => {
    t.match({ summary, description, tags }, { summary: /\w/, description: /\w/, tags: [/\w/] });
    for (const parameter of parameters) t.match(parameter, { description: /\w/, schema: {} }, parameter.name);
    if (requestBody)
      t.ok(
        Object.values(requestBody.content).every(({ examples }) => examples),
        'the body has examples',
      );
    const answers = answersOf(operation);
    for (const { status, answer } of answers) {
      for (const [type, { example, examples, schema }] of Object.entries(answer.content ?? {})) {
        t.ok(schema?.$ref ?? schema?.type === 'string', `${status} ${type} has a type with a name`);
        t.ok(example ?? examples, `${status} ${type} has an example`);
      }
    }
    const statuses = answers.map(({ status }) => status);
    for (const status of [400, 408, 431, 500, 503]) t.ok(statuses.includes(status), `${status} may always be`);
    const isPublic = Array.isArray(operation.security) && operation.security.length === 0;
    for (const status of isPublic ? [] : [401, 403, 404, 422, 429]) t.ok(statuses.includes(status), `${status}`);
    for (const status of readsBody ? [413, 415] : []) t.ok(statuses.includes(status), `${status} by its body`);
  });
}

t.test('a problem has examples of the codes that it may have, and of no others', async (t) => {
  const codes = new Set<string>();
  for (const { status, answer } of operations.flatMap(answersOf)) {
    const problems = Object.entries(answer.content?.['application/problem+json']?.examples ?? {});
    t.equal(problems.length > 0, status >= 400);
    for (const [name, { value }] of problems) {
      const { code, status: told } = value as Problem;
      codes.add(code);
      t.same([name, told, errorTable[code as ErrorCode].http], [code, status, status]);
      t.match(answer.description, `\`${code}\``);
    }
  }
  // What no operation answers: the path has no such method; the rest is seen in a status or a delivery.
  const elsewhere = Object.keys(errorTable).filter((code) => !codes.has(code));
  t.same(elsewhere.sort(), [
    'component_exited',
    'component_out_of_memory',
    'component_timeout',
    'component_unavailable',
    'config_invalid',
    'conflict',
    'data_lost',
    'etcd_unreachable',
    'method_not_allowed',
    'missing_tool',
    'port_taken',
    'ports_exhausted',
    'runtime_refused',
    'runtime_unavailable',
    'webhook_delivery_failed',
  ]);
});

t.test('links lead on with values that are there', async (t) => {
  const from = (id: string, status: number) => {
    const answer = operations.find(({ operationId }) => operationId === id)?.responses[status];
    return { answer, links: (answer?.links ?? {}) as Record<string, Link> };
  };
  const afterCreate = [
    'getSandbox',
    'updateSandbox',
    'deleteSandbox',
    'waitForSandbox',
    'getKubeconfig',
    'getLogs',
    'listSandboxEvents',
    'watchSandbox',
  ];
  for (const status of [201, 202]) t.same(Object.keys(from('createSandbox', status).links), afterCreate);
  t.match(from('createProject', 201).links, { getProject: {}, updateProject: {}, deleteProject: {}, createKey: {} });
  t.match(from('createKey', 201).links, { getKey: {}, revokeKey: {} });
  t.match(from('createWebhook', 201).links, { rotateWebhookSecret: {}, listDeliveries: {}, deleteWebhook: {} });
  t.match(from('listSandboxes', 200).links, { nextPage: { parameters: { cursor: '$response.body#/nextCursor' } } });
  let values = 0;
  for (const { operationId, responses } of operations) {
    for (const status of Object.keys(responses)) {
      const { answer, links } = from(operationId, Number(status));
      const body = answer?.content?.['application/json']?.example as Record<string, unknown> | undefined;
      for (const { operationId: target, parameters } of Object.values(links)) {
        const known = operations.find((one) => one.operationId === target)?.parameters ?? [];
        for (const [name, expression] of Object.entries(parameters)) {
          values += 1;
          t.ok(
            known.some((one) => one.name === name),
            `${target} has ${name}`,
          );
          const member = /^\$response\.body#\/(\w+)$/.exec(expression)?.[1];
          t.ok(member ? body && member in body : /^\$request\.path\.\w+$/.test(expression), expression);
        }
      }
    }
  }
  t.ok(values > 50, `${values} values`);
});

interface Link {
  readonly operationId: string;
  readonly parameters: Record<string, string>;
}

t.test('what is sent has bounds, and what has a default may be left out', async (t) => {
  const sent = operations.flatMap(({ operationId, parameters = [], requestBody }) => [
    ...parameters.map(({ name, schema = {} }) => ({ where: `${operationId} ${name}`, schema })),
    ...Object.values(requestBody?.content ?? {}).map(({ schema = {} }) => ({ where: operationId, schema })),
  ]);
  for (const { where, schema } of sent) look(t, where, schema);
  for (const { operationId, parameters = [] } of operations) {
    for (const { name, in: place, schema, required } of parameters) {
      t.equal(required, place === 'path', `${operationId} ${name} (${JSON.stringify(schema?.default)})`);
    }
  }
  t.equal(faultOf({ $ref: '#/components/schemas/SandboxCreate' }, {}), '');
  t.equal(faultOf({ $ref: '#/components/schemas/SandboxCreate' }, { spec: { etcd: {} } }), '');
});

/** Each text, number, list and object that a client may send says how much it may be. */
function look(t: Test, where: string, given: Schema): void {
  const schema = given.$ref ? (schemas[given.$ref.replace('#/components/schemas/', '')] ?? {}) : given;
  const { type, items, properties, additionalProperties, propertyNames } = schema;
  const types = [type].flat();
  if (types.includes('string')) {
    const bounds = ['maxLength', 'enum', 'pattern', 'format'];
    t.ok(
      bounds.some((keyword) => schema[keyword] !== undefined),
      `${where}: a text has a bound`,
    );
  }
  if (types.includes('integer')) t.match(schema, { format: /^int(32|64)$/, minimum: Number, maximum: Number }, where);
  t.notOk(types.includes('number'), `${where}: only whole numbers are sent`);
  if (types.includes('array')) t.match(schema, { maxItems: Number }, `${where}: a list has a bound`);
  if (items) look(t, `${where}/items`, items);
  if (properties && !propertyNames) t.equal(additionalProperties, false, `${where}: is closed`);
  for (const [name, one] of Object.entries(properties ?? {})) look(t, `${where}/${name}`, one);
  if (typeof additionalProperties !== 'object') return;
  t.match(schema, { maxProperties: Number }, `${where}: a map has a bound`);
  const rules = Object.keys(propertyNames ?? {});
  t.ok(rules.includes('pattern') || rules.includes('enum'), `${where}: its names have a rule`);
  look(t, `${where}/*`, additionalProperties);
}

t.test('answers are open, and every field of theirs is described', async (t) => {
  const inputs = /(Input|Create|Patch)$/;
  for (const [name, schema] of Object.entries(schemas)) {
    t.equal(schema.title, name);
    t.match(schema.description, /\w/, name);
    if (schema.properties) t.equal(schema.additionalProperties === false, inputs.test(name), name);
    for (const [field, one] of Object.entries(schema.properties ?? {})) {
      t.ok(one.$ref ?? one.description, `${name}.${field} is described`);
      t.ok(one.$ref ?? one.anyOf ?? one.examples ?? one.items?.$ref, `${name}.${field} has an example`);
      t.notMatch(one, { oneOf: Array });
    }
  }
});
