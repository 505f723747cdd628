import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { RawServerDefault } from 'fastify';
import fp from 'fastify-plugin';
import { accountRoutes } from './account.ts';
import { deliveryRoutes } from './deliveries.ts';
import type { RouteDependencies } from './dependencies.ts';
import { historyRoute } from './history.ts';
import { keyRoutes } from './keys.ts';
import { kubeconfigRoute } from './kubeconfig.ts';
import { logsRoute } from './logs.ts';
import { openapiRoutes } from './openapi.ts';
import { projectRoutes } from './projects.ts';
import { sandboxRoutes } from './sandboxes.ts';
import { serviceRoutes } from './service.ts';
import { sharedSchemas } from './shared/shared-schemas.ts';
import { versionRoutes } from './versions.ts';
import { waitRoute } from './wait.ts';
import { watchRoutes } from './watch.ts';
import { webhookRoutes } from './webhooks.ts';

/** Every route of the service, by name. */
export const routes = fp<RouteDependencies, RawServerDefault, TypeBoxTypeProvider>(
  async (app, dependencies) => {
    for (const schema of sharedSchemas) app.addSchema(schema);
    serviceRoutes(app, dependencies);
    openapiRoutes(app);
    versionRoutes(app, dependencies);
    sandboxRoutes(app, dependencies);
    watchRoutes(app, dependencies);
    waitRoute(app, dependencies);
    kubeconfigRoute(app, dependencies);
    logsRoute(app, dependencies);
    historyRoute(app, dependencies);
    projectRoutes(app, dependencies);
    keyRoutes(app, dependencies);
    accountRoutes(app, dependencies);
    webhookRoutes(app, dependencies);
    deliveryRoutes(app, dependencies);
  },
  {
    name: 'routes',
    // These read every route as it is added, so they have to be registered before the first.
    dependencies: ['access', 'not-found', 'operations-registry', '@fastify/swagger', 'compression', 'audit-trail'],
  },
);
