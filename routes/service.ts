import Type from 'typebox';
import type { App } from '../src/http/app-instance.ts';
import type { RouteDependencies } from './dependencies.ts';
import { publicAnswers } from './shared/answers.ts';

const Ready = Type.Object(
  { status: Type.String({ description: 'ok', examples: ['ok'] }) },
  { title: 'Readiness', description: 'the service takes requests' },
);

const getReadiness = {
  operationId: 'getReadiness',
  summary: 'Whether the service takes requests',
  description: 'For load balancers and probes: 503 while the store does not answer, or the service stops.',
  tags: ['service'],
  security: [],
  response: publicAnswers({ 200: { ...Ready, description: 'it does', examples: [{ status: 'ok' }] } }),
};

export function serviceRoutes(app: App, { checkStore }: RouteDependencies): void {
  app.get('/readyz', { config: { public: true, quiet: true }, schema: getReadiness }, async () => {
    await checkStore();
    return { status: 'ok' };
  });
}
