import type { App } from '../src/http/app-instance.ts';
import { answered } from '../src/operations/operation.ts';
import { exampleVersions } from '../src/schemas/examples.ts';
import { VersionList } from '../src/schemas/version.ts';
import type { RouteDependencies } from './dependencies.ts';
import { answer, answers } from './shared/answers.ts';
import { operations } from './shared/operation.ts';

const listVersions = {
  operationId: 'listVersions',
  summary: 'What can be run: what is ready, what can be had, and how',
  description: 'By host. A version that is only available is fetched or built when it is first asked for.',
  tags: ['versions'],
  response: answers({ 200: answer(VersionList, { description: 'by host', example: exampleVersions }) }),
};

export function versionRoutes(app: App, dependencies: RouteDependencies): void {
  const { service } = dependencies;
  const add = operations(app, dependencies);
  add.get('/v1/versions', { scope: 'read', compressed: true, schema: listVersions }, async () => {
    const hosts = await service.hosts();
    const items = hosts.map(({ name, runtimes, defaultRuntime, versions }) => ({
      host: name,
      runtimes: [...runtimes],
      defaultRuntime,
      versions: [...versions],
    }));
    return answered({ items });
  });
}
