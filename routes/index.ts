import type { App, RouteDependencies } from '../src/app.ts';
import { kubeconfigRoute } from './kubeconfig.ts';
import { logsRoute } from './logs.ts';
import { sandboxRoutes } from './sandboxes.ts';
import { serviceRoutes } from './service.ts';
import { versionRoutes } from './versions.ts';
import { waitRoute } from './wait.ts';

/** Every route of the service. */
export function registerRoutes(app: App, dependencies: RouteDependencies): void {
  serviceRoutes(app, dependencies);
  versionRoutes(app, dependencies);
  sandboxRoutes(app, dependencies);
  waitRoute(app, dependencies);
  kubeconfigRoute(app, dependencies);
  logsRoute(app, dependencies);
}
