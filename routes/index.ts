import type { App, RouteDependencies } from '../src/app.ts';
import { accountRoutes } from './account.ts';
import { deliveryRoutes } from './deliveries.ts';
import { historyRoute } from './history.ts';
import { keyRoutes } from './keys.ts';
import { kubeconfigRoute } from './kubeconfig.ts';
import { logsRoute } from './logs.ts';
import { openapiRoutes } from './openapi.ts';
import { projectRoutes } from './projects.ts';
import { sandboxRoutes } from './sandboxes.ts';
import { serviceRoutes } from './service.ts';
import { versionRoutes } from './versions.ts';
import { waitRoute } from './wait.ts';
import { watchRoutes } from './watch.ts';
import { webhookRoutes } from './webhooks.ts';

/** Every route of the service. */
export function registerRoutes(app: App, dependencies: RouteDependencies): void {
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
}
