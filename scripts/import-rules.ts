// Imports go one way:
//   schemas, errors <- runtime, components <- sandbox <- routes, grpc <- app <- entry points
const to = (path: string) => ({ path });
const from = (path: string, pathNot?: string) => ({ path, ...(pathNot ? { pathNot } : {}) });
const forbid = (name: string, source: object, target: object) => ({
  name,
  severity: 'error',
  from: source,
  to: target,
});

// What stands above the domain: it puts the parts together.
const assembly = '^(src/(app|main|server)\\.ts$|src/start/|workers/)';

export const importRules = {
  validate: true,
  ruleSet: {
    forbidden: [
      forbid('no-cycles', {}, { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } }),
      forbid('schemas-are-the-base', from('^src/schemas/'), {
        path: '^(src|routes|workers)/',
        pathNot: '^src/(schemas/|errors\\.ts)',
      }),
      forbid('errors-are-the-base', from('^src/errors\\.ts'), to('^(src|routes|workers)/')),
      forbid('runtime-knows-no-domain', from('^src/runtime/'), to('^(src/(sandbox|components|cli)/|routes/)')),
      forbid('components-know-no-domain', from('^src/components/'), to('^(src/(sandbox|runtime|cli)/|routes/)')),
      forbid('domain-knows-no-surface', from('^src/sandbox/'), to('^(src/(components|cli)/|routes/)')),
      forbid('nothing-below-knows-the-assembly', from('^src/(schemas|runtime|components|sandbox|grpc)/'), to(assembly)),
      forbid('routes-know-no-runtime', from('^routes/'), to('^src/(runtime|components|cli)/')),
      forbid('grpc-knows-no-routes', from('^src/grpc/'), to('^(src/(runtime|components|cli)/|routes/)')),
      forbid('routes-know-no-grpc', from('^routes/'), to('^src/grpc/')),
      forbid(
        'the-api-holds-no-runtime',
        from('^src/(app|server|start/api)\\.ts$'),
        to('^src/(runtime/(docker|process)|start/(runtimes|host)\\.ts)'),
      ),
      // It is a client, and goes into other people's projects.
      forbid('the-test-helper-is-a-client', from('^src/testing/'), {
        path: '^(src|routes|workers)/',
        pathNot: '^src/(testing/|schemas/|config/default-folders\\.ts)',
      }),
      forbid('nothing-imports-cli', from('^(src|routes|workers)/', '^src/cli/'), {
        path: '^src/cli/',
        dependencyTypesNot: ['dynamic-import'],
      }),
      forbid('nothing-imports-tests', from('^(src|routes|workers|bench|scripts)/'), to('^test/')),
      forbid('no-unresolvable', {}, { couldNotResolve: true }),
    ],
  },
  doNotFollow: { path: 'node_modules' },
  // A program with packages of its own, and a test whose `await using` the parser does not know.
  exclude: { path: '^test/(clients/typescript/|testing/create-sandbox\\.test\\.ts)' },
  tsPreCompilationDeps: true,
  parser: 'swc',
  enhancedResolveOptions: {
    extensions: ['.ts', '.mjs', '.js', '.json'],
    exportsFields: ['exports'],
    conditionNames: ['import', 'node', 'types', 'default'],
  },
};
