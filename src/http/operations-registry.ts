import type { RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import type { Handle, Operation, OperationSchema, Operations } from '../operations/operation.ts';

/** Keeps what each route does in `app.operations`, for other protocols. */
export const operationsRegistry = fp(
  async (app) => {
    const known = new Map<string, Operation>();
    app.decorate('operations', known);
    app.addHook('onRoute', (route) => {
      const schema = route.schema as OperationSchema | undefined;
      // Fastify adds a HEAD for each GET: it is the same operation.
      if (!schema?.operationId || route.method === 'HEAD') return;
      if (known.has(schema.operationId)) throw new Error(`two routes are the operation ${schema.operationId}`);
      known.set(schema.operationId, toOperation(route, schema));
    });
  },
  { name: 'operations-registry' },
);

function toOperation({ method, url, config }: RouteOptions, schema: OperationSchema): Operation {
  return {
    method: [method].flat()[0] as string,
    path: url,
    schema,
    scope: config?.scope,
    handle: config?.handle,
  };
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route does, where other protocols have it too. */
    handle?: Handle;
  }
  interface FastifyInstance {
    readonly operations: Operations;
  }
}
