import Type from 'typebox';
import { principalOf } from '../src/http/access.ts';
import type { App } from '../src/http/app-instance.ts';
import { negotiate } from '../src/http/negotiate.ts';
import { answered } from '../src/operations/operation.ts';
import { toYaml } from '../src/operations/yaml.ts';
import { ref } from '../src/schemas/common.ts';
import { exampleKubeconfig } from '../src/schemas/examples.ts';
import { Kubeconfig } from '../src/schemas/kubeconfig.ts';
import { sandboxId } from '../src/schemas/sandbox.ts';
import type { RouteDependencies } from './dependencies.ts';
import { noStoreHeader, varyHeader } from './shared/answer-headers.ts';
import { answers } from './shared/answers.ts';

const media = { schema: ref(Kubeconfig), example: exampleKubeconfig };

const getKubeconfig = {
  operationId: 'getKubeconfig',
  summary: 'The kubeconfig of a sandbox',
  description: 'YAML, or JSON by `Accept: application/json`. It holds the private key of the sandbox admin.',
  tags: ['sandboxes'],
  params: Type.Object({ id: sandboxId }),
  produces: ['application/yaml', 'application/json'],
  response: answers(
    {
      200: {
        description: 'a kubeconfig (v1 Config)',
        headers: { ...noStoreHeader, ...varyHeader },
        content: { 'application/yaml': media, 'application/json': media },
      } as never,
    },
    'kubeconfig_unavailable',
    'not_acceptable',
  ),
};

export function kubeconfigRoute(app: App, { service }: RouteDependencies): void {
  app.get(
    '/v1/sandboxes/:id/kubeconfig',
    {
      config: {
        scope: 'write',
        // As data: each protocol writes it in its own way.
        handle: async ({ principal, params }) =>
          answered(await service.kubeconfig(principal.project, (params as { id: string }).id)),
      },
      schema: getKubeconfig,
    },
    async (request, reply) => {
      const type = negotiate(request.headers.accept, ['application/yaml', 'application/json']);
      const config = await service.kubeconfig(principalOf(request).project, request.params.id);
      const text = type === 'application/json' ? JSON.stringify(config) : toYaml(config);
      return reply
        .type(type)
        .header('cache-control', 'no-store')
        .header('vary', 'accept')
        .serializer((payload: string) => payload)
        .send(text);
    },
  );
}
