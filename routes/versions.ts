import type { App, RouteDependencies } from '../src/app.ts';
import { answer } from '../src/operation.ts';
import { ref } from '../src/schemas/common.ts';
import { VersionList } from '../src/schemas/version.ts';
import { answers } from './answers.ts';
import { operations } from './operation.ts';

export function versionRoutes(app: App, dependencies: RouteDependencies): void {
  const { service } = dependencies;
  const add = operations(app, dependencies);
  add.get(
    '/v1/versions',
    {
      config: { scope: 'read', compressed: true },
      schema: {
        operationId: 'listVersions',
        summary: 'What can be run: what is ready, what can be had, and how',
        tags: ['versions'],
        response: answers({ 200: { ...ref(VersionList), description: 'by host' } }),
      },
    },
    async () => {
      const hosts = await service.hosts();
      const items = hosts.map(({ name, runtimes, defaultRuntime, versions }) => ({
        host: name,
        runtimes: [...runtimes],
        defaultRuntime,
        versions: [...versions],
      }));
      return answer({ items });
    },
  );
}
