import type { FastifyInstance, RouteOptions } from 'fastify';
import type { Operation, OperationSchema, Operations } from '../operations/operation.ts';

/** Notes what the routes do, for other protocols: `app.operations`. */
export function noteOperations(app: FastifyInstance): void {
  const noted = new Map<string, Operation>();
  app.decorate('operations', noted);
  app.addHook('onRoute', (route) => {
    const schema = route.schema as (OperationSchema & { hide?: boolean }) | undefined;
    // Each GET is a HEAD as well.
    if (!schema?.operationId || route.method === 'HEAD') return;
    if (noted.has(schema.operationId)) throw new Error(`two routes are the operation ${schema.operationId}`);
    noted.set(schema.operationId, toOperation(route, schema));
  });
}

function toOperation({ method, url, config }: RouteOptions, schema: OperationSchema): Operation {
  return {
    method: [method].flat()[0] as string,
    path: url,
    schema,
    scope: config?.scope,
    handle: config?.handle,
    prefetch: config?.prefetch,
  };
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly operations: Operations;
  }
}
