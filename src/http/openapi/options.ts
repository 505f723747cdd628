import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { OpenApiDocument, Operation, Parameter } from './document.ts';
import { addLinks } from './links.ts';
import { freeDefaults, mapOperations, nameHeaders, nameProblems, nameSchemas } from './names.ts';

const description = `Each sandbox is an etcd and a kube-apiserver of its own, with a kubeconfig that kubectl accepts.

Every failure is an RFC 9457 problem with a stable \`code\`. A path that is not here is answered by 404, a method that a path
does not have by 405 with \`Allow\`. With the service's admin key, the header \`Sandplane-Project\` says which project a
request is about. A client may send an \`X-Request-Id\` of its own (8 to 64 characters of \`A-Za-z0-9._-\`).`;

/** The answers that many operations share, by status. */
const problemNames = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  408: 'RequestTimeout',
  409: 'Conflict',
  412: 'PreconditionFailed',
  413: 'ContentTooLarge',
  415: 'UnsupportedMediaType',
  422: 'UnprocessableContent',
  429: 'TooManyRequests',
  431: 'HeadersTooLarge',
  500: 'InternalError',
  503: 'Unavailable',
};

/** What the OpenAPI document says besides the routes, and the steps that complete it. */
export const openapiOptions: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Sandplane',
      version: '1.0.0',
      summary: 'A real Kubernetes API in a second',
      description,
      contact: { name: 'The contributors of Sandplane' },
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [
      { url: 'http://127.0.0.1:7800', description: 'a service on this machine, as `npm start` runs it' },
      { url: '/', description: 'the service that this document was had from' },
    ],
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
  transformObject: (made) => {
    if (!('openapiObject' in made)) throw new Error('this is no OpenAPI document');
    const document: unknown = complete(made.openapiObject as unknown as OpenApiDocument);
    return document as typeof made.openapiObject;
  },
};

function complete(document: OpenApiDocument): OpenApiDocument {
  const named = nameSchemas(nameHeaders(freeDefaults(document)));
  return addLinks(mapOperations(nameProblems(named, problemNames), inOrder));
}

const parameterOrder = ['path', 'query', 'header'];

/** Path parameters first: typed clients take the parameters in this order. Lists say how they are written. */
function inOrder(operation: Operation): Operation {
  const { parameters } = operation;
  if (!parameters) return operation;
  const position = (one: Parameter) => parameterOrder.indexOf(String(one.in));
  const written = parameters.map((one) =>
    one.schema?.type === 'array' ? { ...one, style: 'form', explode: true } : one,
  );
  return { ...operation, parameters: written.sort((a, b) => position(a) - position(b)) };
}
