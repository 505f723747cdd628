import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';

/** What the OpenAPI document says besides the routes. */
export const openapiInfo: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Sandplane',
      version: '1.0.0',
      summary: 'A real Kubernetes API in a second',
      description: 'Each sandbox is an etcd and a kube-apiserver of its own, with a kubeconfig that kubectl accepts.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } as { name: string },
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'sandboxes', description: 'create, read, change and delete sandboxes' },
      { name: 'projects', description: 'tenants, their limits and their keys' },
      { name: 'webhooks', description: 'events sent to receivers of yours' },
      { name: 'account', description: 'who asks, what was used, what was done' },
      { name: 'versions', description: 'what can be run' },
      { name: 'service', description: 'the service itself' },
    ],
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description:
            "a key of a project, a JWT of a configured issuer, or the service's admin key; with the last, the header Sandplane-Project says for which project, default if it is missing",
        },
      },
    },
    security: [{ key: [] }],
  },
  refResolver: { buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `schema-${i}`) },
};
