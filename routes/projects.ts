import Type from 'typebox';
import type { App } from '../src/http/app-instance.ts';
import { answered } from '../src/operations/operation.ts';
import { uuidOf } from '../src/resources/random-id.ts';
import { stringEnum } from '../src/schemas/common.ts';
import { deletingProject, exampleProject } from '../src/schemas/example-projects.ts';
import { Project, ProjectCreate, ProjectList, ProjectPatch, projectName } from '../src/schemas/project.ts';
import type { RouteDependencies } from './dependencies.ts';
import { locationHeader } from './shared/answer-headers.ts';
import { answers, bodyCodes, noContent, pageAnswers, postCodes, versioned } from './shared/answers.ts';
import { withEtag } from './shared/etag.ts';
import { operations } from './shared/operation.ts';
import { IfMatchHeaders, PageQuery, PostHeaders } from './shared/parameters.ts';

const tags = ['projects'];
const Params = Type.Object({ project: projectName });
const one = (description: string) => versioned(Project, { description, example: exampleProject });

const createProject = {
  operationId: 'createProject',
  summary: 'Create a project',
  description: "Needs the service's admin key.",
  tags,
  headers: PostHeaders,
  body: ProjectCreate,
  response: answers(
    { 201: versioned(Project, { description: 'made', example: exampleProject, headers: locationHeader }) },
    ...postCodes,
    'project_exists',
  ),
};

const listProjects = {
  operationId: 'listProjects',
  summary: 'List projects',
  description: "All with the service's admin key, else one's own.",
  tags,
  querystring: PageQuery,
  response: pageAnswers(ProjectList, { items: [exampleProject], nextCursor: null }),
};

const getProject = {
  operationId: 'getProject',
  summary: 'Read a project: its limits and how much of them is used',
  description: "One's own, or any with the service's admin key.",
  tags,
  params: Params,
  response: answers({ 200: one('the project') }),
};

const updateProject = {
  operationId: 'updateProject',
  summary: 'Change the limits of a project',
  description: "A merge patch (RFC 7396). Needs the service's admin key. What is there stays.",
  tags,
  params: Params,
  headers: IfMatchHeaders,
  body: ProjectPatch,
  response: answers({ 200: one('as it is now') }, ...bodyCodes, 'precondition_failed'),
};

const deleteProject = {
  operationId: 'deleteProject',
  summary: 'Delete a project with its keys, webhooks and usage',
  description: "Needs the service's admin key. Its audit log is kept for 90 days, by its uid.",
  tags,
  params: Params,
  headers: IfMatchHeaders,
  querystring: Type.Object(
    {
      sandboxes: stringEnum(['refuse', 'delete'] as const, {
        description: 'what becomes of its sandboxes: refuse while there are any, or delete them too',
        default: 'refuse',
        examples: ['delete'],
      }),
    },
    { additionalProperties: false },
  ),
  response: answers(
    {
      204: noContent,
      202: versioned(Project, {
        description: 'goes once its sandboxes are gone; takes no new ones',
        example: deletingProject,
      }),
    },
    ...bodyCodes,
    'project_not_empty',
    'project_protected',
    'precondition_failed',
  ),
};

export function projectRoutes(app: App, dependencies: RouteDependencies): void {
  const { projects, removeProject } = dependencies;
  const add = operations(app, dependencies);
  add.post('/v1/projects', { scope: 'service', schema: createProject }, async (call, seed) => {
    const project = await projects.create(call.body, uuidOf(seed));
    call.auditIn(project.uid);
    return withEtag(project, { status: 201, headers: { location: `/v1/projects/${project.name}` } });
  });

  add.get('/v1/projects', { scope: 'read', compressed: true, schema: listProjects }, async ({ principal, query }) =>
    answered(await projects.listVisible(principal, query)),
  );

  add.get('/v1/projects/:project', { scope: 'read', schema: getProject }, async ({ params }) =>
    withEtag(await projects.get(params.project)),
  );

  add.patch('/v1/projects/:project', { scope: 'service', schema: updateProject }, async ({ params, body, headers }) =>
    withEtag(await projects.patch(params.project, body, headers['if-match'])),
  );

  add.delete(
    '/v1/projects/:project',
    { scope: 'service', schema: deleteProject },
    async ({ params, query, headers }) => {
      const { project: name } = params;
      const withSandboxes = query.sandboxes === 'delete';
      const isRemoved = await removeProject(name, { withSandboxes, ifMatch: headers['if-match'] });
      const left = isRemoved ? null : await projects.find(name);
      return left ? withEtag(left, { status: 202 }) : answered(null, { status: 204 });
    },
  );
}
