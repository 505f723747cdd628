import Type from 'typebox';
import type { App, RouteDependencies } from '../src/app.ts';
import { answer } from '../src/operation.ts';
import { ref } from '../src/schemas/common.ts';
import { Key, KeyCreate, KeyList, KeyWithSecret, keyId, Whoami } from '../src/schemas/key.ts';
import { projectName } from '../src/schemas/project.ts';
import { whoami } from '../src/tenancy/principal.ts';
import { answers, noContent, postCodes } from './answers.ts';
import { answerOnce } from './idempotent.ts';
import { operations } from './operation.ts';
import { PageQuery, PostHeaders } from './parameters.ts';

const tags = ['projects'];
const OfProject = Type.Object({ project: projectName });
const One = Type.Object({ project: projectName, key: keyId });

export function keyRoutes(app: App, dependencies: RouteDependencies): void {
  const { apiKeys, once } = dependencies;
  const add = operations(app, dependencies);
  add.post(
    '/v1/projects/:project/keys',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'createKey',
        summary: 'Make a key',
        description: 'The answer holds the key, as `secret`, for the only time.',
        tags,
        params: OfProject,
        headers: PostHeaders,
        body: KeyCreate,
        response: answers(
          { 201: { ...ref(KeyWithSecret), description: 'made' } },
          ...postCodes,
          'quota_exceeded',
          'project_deleting',
        ),
      },
    },
    async (call) =>
      await answerOnce(call, once, async (seed) => {
        const { project, projectUid } = call.proven;
        const key = await apiKeys.create(project, projectUid, seed.slice(0, 12), call.body);
        const headers = { location: `/v1/projects/${project}/keys/${key.id}`, 'cache-control': 'no-store' };
        return { status: 201, headers, body: JSON.stringify(key) };
      }),
  );

  add.get(
    '/v1/projects/:project/keys',
    {
      config: { scope: 'admin', compressed: true },
      schema: {
        operationId: 'listKeys',
        summary: 'List the keys of a project',
        tags,
        params: OfProject,
        querystring: PageQuery,
        response: answers({ 200: { ...ref(KeyList), description: 'a page' } }, 'invalid_cursor'),
      },
    },
    async ({ params, query }) => answer(await apiKeys.list(params.project, query)),
  );

  add.get(
    '/v1/projects/:project/keys/:key',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'getKey',
        summary: 'Read a key, without its secret',
        tags,
        params: One,
        response: answers({ 200: { ...ref(Key), description: 'the key' } }),
      },
    },
    async ({ params }) => answer(await apiKeys.get(params.project, params.key)),
  );

  add.delete(
    '/v1/projects/:project/keys/:key',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'revokeKey',
        summary: 'Revoke a key',
        description: 'At once, everywhere; watches that it began end.',
        tags,
        params: One,
        response: answers({ 204: noContent }),
      },
    },
    async ({ params }) => {
      await apiKeys.revoke(params.project, params.key);
      return answer(null, { status: 204 });
    },
  );

  add.get(
    '/v1/whoami',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getWhoami',
        summary: 'Who asks, for which project and with which scopes',
        tags: ['account'],
        response: answers({ 200: { ...ref(Whoami), description: 'as proven by the key or token' } }),
      },
    },
    async ({ proven }) => answer(whoami(proven)),
  );
}
