import Type from 'typebox';
import type { App, RouteDependencies } from '../src/app.ts';
import { AppError } from '../src/errors.ts';
import { etag } from '../src/etag.ts';
import { uuidOf } from '../src/random-id.ts';
import { stringEnum } from '../src/schemas/common.ts';
import { deletingProject, exampleProject } from '../src/schemas/example-projects.ts';
import { Project, ProjectCreate, ProjectList, ProjectPatch, projectName } from '../src/schemas/project.ts';
import { defaultProject } from '../src/tenancy/projects.ts';
import { locationHeader } from './answer-headers.ts';
import { answer, answers, bodyCodes, noContent, postCodes, versioned } from './answers.ts';
import { answerOnce } from './idempotent.ts';
import { IfMatchHeaders, PageQuery, PostHeaders } from './parameters.ts';

const tags = ['projects'];
const Params = Type.Object({ project: projectName });
const one = (description: string) => versioned(Project, { description, example: exampleProject });

export function projectRoutes(app: App, { projects, removeProject, once }: RouteDependencies): void {
  app.post(
    '/v1/projects',
    {
      config: { scope: 'service' },
      schema: {
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
      },
    },
    async (request, reply) =>
      await answerOnce(request, reply, once, async (seed) => {
        const project = await projects.create(request.body, uuidOf(seed));
        request.auditedProject = project.uid;
        const headers = { location: `/v1/projects/${project.name}`, etag: etag(project.resourceVersion) };
        return { status: 201, headers, body: JSON.stringify(project) };
      }),
  );

  app.get(
    '/v1/projects',
    {
      config: { scope: 'read', compressed: true },
      schema: {
        operationId: 'listProjects',
        summary: 'List projects',
        description: "All with the service's admin key, else one's own.",
        tags,
        querystring: PageQuery,
        response: answers(
          {
            200: answer(ProjectList, { description: 'a page', example: { items: [exampleProject], nextCursor: null } }),
          },
          'invalid_cursor',
        ),
      },
    },
    async ({ proven, query }) => {
      if (proven.kind === 'admin') return await projects.list(query);
      return { items: [await projects.get(proven.project)], nextCursor: null };
    },
  );

  app.get(
    '/v1/projects/:project',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getProject',
        summary: 'Read a project: its limits and how much of them is used',
        description: "One's own, or any with the service's admin key.",
        tags,
        params: Params,
        response: answers({ 200: one('the project') }),
      },
    },
    async (request, reply) => {
      const project = await projects.get(request.params.project);
      return reply.header('etag', etag(project.resourceVersion)).send(project);
    },
  );

  app.patch(
    '/v1/projects/:project',
    {
      config: { scope: 'service' },
      schema: {
        operationId: 'updateProject',
        summary: 'Change the limits of a project',
        description: "A merge patch (RFC 7396). Needs the service's admin key. What is there stays.",
        tags,
        params: Params,
        headers: IfMatchHeaders,
        body: ProjectPatch,
        response: answers({ 200: one('as it is now') }, ...bodyCodes, 'precondition_failed'),
      },
    },
    async (request, reply) => {
      const project = await projects.patch(request.params.project, request.body, request.headers['if-match']);
      return reply.header('etag', etag(project.resourceVersion)).send(project);
    },
  );

  app.delete(
    '/v1/projects/:project',
    {
      config: { scope: 'service' },
      schema: {
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
      },
    },
    async (request, reply) => {
      const { project: name } = request.params;
      if (name === defaultProject) {
        throw new AppError('project_protected', `The project ${name} is the one that is always there.`);
      }
      const withSandboxes = request.query.sandboxes === 'delete';
      const gone = await removeProject(name, { withSandboxes, ifMatch: request.headers['if-match'] });
      const left = gone ? null : await projects.find(name);
      if (!left) return reply.status(204).send(null);
      return reply.status(202).header('etag', etag(left.resourceVersion)).send(left);
    },
  );
}
