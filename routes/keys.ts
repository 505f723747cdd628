import Type from 'typebox';
import type { App } from '../src/http/app-instance.ts';
import { answered } from '../src/operations/operation.ts';
import { exampleKey, exampleNewKey, exampleWhoami } from '../src/schemas/example-projects.ts';
import { Key, KeyCreate, KeyList, KeyWithSecret, keyId, Whoami } from '../src/schemas/key.ts';
import { projectName } from '../src/schemas/project.ts';
import { whoami } from '../src/tenancy/principal.ts';
import type { RouteDependencies } from './dependencies.ts';
import { locationHeader, noStoreHeader } from './shared/answer-headers.ts';
import { answer, answers, bodyCodes, noContent, pageAnswers, postCodes } from './shared/answers.ts';
import { operations } from './shared/operation.ts';
import { PageQuery, PostHeaders } from './shared/parameters.ts';

const tags = ['projects'];
const OfProject = Type.Object({ project: projectName });
const One = Type.Object({ project: projectName, key: keyId });

const createKey = {
  operationId: 'createKey',
  summary: 'Make a key',
  description: 'The answer holds the key, as `secret`, for the only time.',
  tags,
  params: OfProject,
  headers: PostHeaders,
  body: KeyCreate,
  response: answers(
    {
      201: answer(KeyWithSecret, {
        description: 'made',
        example: exampleNewKey,
        headers: { ...locationHeader, ...noStoreHeader },
      }),
    },
    ...postCodes,
    'quota_exceeded',
    'project_deleting',
  ),
};

const listKeys = {
  operationId: 'listKeys',
  summary: 'List the keys of a project',
  description: 'Without their secrets. Revoked ones are not in it.',
  tags,
  params: OfProject,
  querystring: PageQuery,
  response: pageAnswers(KeyList, { items: [exampleKey], nextCursor: null }),
};

const getKey = {
  operationId: 'getKey',
  summary: 'Read a key, without its secret',
  description: 'What it may do, until when, and when it was last used.',
  tags,
  params: One,
  response: answers({ 200: answer(Key, { description: 'the key', example: exampleKey }) }),
};

const revokeKey = {
  operationId: 'revokeKey',
  summary: 'Revoke a key',
  description: 'At once, everywhere; watches that it began end.',
  tags,
  params: One,
  response: answers({ 204: noContent }, ...bodyCodes),
};

const getWhoami = {
  operationId: 'getWhoami',
  summary: 'Who asks, for which project and with which scopes',
  description: 'What the key or token of the request proves.',
  tags: ['account'],
  response: answers({
    200: answer(Whoami, { description: 'as proven by the key or token', example: exampleWhoami }),
  }),
};

export function keyRoutes(app: App, dependencies: RouteDependencies): void {
  const { apiKeys } = dependencies;
  const add = operations(app, dependencies);
  add.post(
    '/v1/projects/:project/keys',
    { scope: 'admin', schema: createKey },
    async ({ principal: { project, projectUid }, body }, seed) => {
      const key = await apiKeys.create(project, projectUid, seed.slice(0, 12), body);
      const headers = { location: `/v1/projects/${project}/keys/${key.id}`, 'cache-control': 'no-store' };
      return answered(key, { status: 201, headers });
    },
  );

  add.get(
    '/v1/projects/:project/keys',
    { scope: 'admin', compressed: true, schema: listKeys },
    async ({ params, query }) => answered(await apiKeys.list(params.project, query)),
  );

  add.get('/v1/projects/:project/keys/:key', { scope: 'admin', schema: getKey }, async ({ params }) =>
    answered(await apiKeys.get(params.project, params.key)),
  );

  add.delete('/v1/projects/:project/keys/:key', { scope: 'admin', schema: revokeKey }, async ({ params }) => {
    await apiKeys.revoke(params.project, params.key);
    return answered(null, { status: 204 });
  });

  add.get('/v1/whoami', { scope: 'read', schema: getWhoami }, async ({ principal }) => answered(whoami(principal)));
}
