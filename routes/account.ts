import Type from 'typebox';
import type { App } from '../src/http/app-instance.ts';
import { answered } from '../src/operations/operation.ts';
import { AuditList } from '../src/schemas/audit.ts';
import { exampleAuditEntry, exampleUsage } from '../src/schemas/example-projects.ts';
import { exampleCursor } from '../src/schemas/examples.ts';
import { UsageReport } from '../src/schemas/usage.ts';
import { requireScope } from '../src/tenancy/principal.ts';
import type { RouteDependencies } from './dependencies.ts';
import { answer, answers, pageAnswers } from './shared/answers.ts';
import { operations } from './shared/operation.ts';
import { cursor, limit } from './shared/parameters.ts';

const tags = ['account'];

const day = (description: string) =>
  Type.Optional(Type.String({ description, format: 'date', examples: ['2026-11-23'] }));

const getUsage = {
  operationId: 'getUsage',
  summary: 'Sandbox-seconds and peaks of the project, by label',
  description: 'By days in UTC, of the last 400 days. `from` must not be after `to`, and at most 366 days before it.',
  tags,
  querystring: Type.Object(
    {
      from: day('the first day; default: the first of the month of `to`'),
      to: day('the last day; default: today'),
    },
    { additionalProperties: false },
  ),
  response: answers({ 200: answer(UsageReport, { description: 'what was used', example: exampleUsage }) }),
};

const listAudit = {
  operationId: 'listAudit',
  summary: 'Who changed what in the project, newest first',
  description: 'Calls that change something, also those that were refused. The last 100,000 are kept.',
  tags,
  querystring: Type.Object(
    {
      limit,
      cursor,
      projectUid: Type.Optional(
        Type.String({
          description: "a project that is gone, by its uid; needs the service's admin key",
          maxLength: 64,
          pattern: '^[0-9a-f-]{36}$',
          examples: ['0198c5a1-7e2b-4c3d-9f40-5a6b7c8d9e0f'],
        }),
      ),
    },
    { additionalProperties: false },
  ),
  response: pageAnswers(AuditList, { items: [exampleAuditEntry], nextCursor: exampleCursor }),
};

export function accountRoutes(app: App, dependencies: RouteDependencies): void {
  const { usage, audit } = dependencies;
  const add = operations(app, dependencies);
  add.get('/v1/usage', { scope: 'read', compressed: true, schema: getUsage }, async ({ principal, query }) =>
    answered(await usage(principal.project, query)),
  );

  add.get('/v1/audit', { scope: 'admin', compressed: true, schema: listAudit }, async ({ principal, query }) => {
    const { projectUid, ...page } = query;
    if (projectUid !== undefined) requireScope(principal, 'service');
    return answered(await audit.list(projectUid ?? principal.projectUid, page));
  });
}
