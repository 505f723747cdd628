/**
 * The floors of the house, from the bottom up, types included: what stands on one imports from its own floor and from those
 * below, never from above. The entry points stand on top.
 */
const entryPoints = ['src/main.ts', 'src/server.ts', 'src/cli/', 'workers/main.ts'];
const floors: readonly (readonly string[])[] = [
  [
    'src/errors.ts',
    'src/file-lock.ts',
    'src/fs-native-extensions.d.ts',
    'src/logger.ts',
    'src/open-in-order.ts',
    'src/repeat.ts',
    'src/shutdown.ts',
  ],
  ['src/schemas/'],
  ['src/redis/', 'src/resources/', 'src/config/', 'src/docker/'],
  ['src/runtime/', 'src/components/', 'src/tenancy/', 'src/webhooks/', 'src/queue/'],
  ['src/sandbox/'],
  ['src/reconcile/', 'src/watch/'],
  ['src/operations/'],
  ['src/http/'],
  ['src/app.ts', 'routes/', 'src/grpc/', 'workers/'],
  ['src/start/'],
  entryPoints,
];

/** Which rooms that a room could reach by the floors alone it must not know all the same. */
const apart: Readonly<Record<string, readonly string[]>> = {
  'src/runtime/': ['src/redis/', 'src/components/', 'src/tenancy/', 'src/webhooks/', 'src/queue/'],
  'src/components/': ['src/redis/', 'src/runtime/', 'src/tenancy/', 'src/webhooks/', 'src/queue/'],
  'src/tenancy/': ['src/runtime/', 'src/components/', 'src/webhooks/', 'src/queue/'],
  'src/webhooks/': ['src/runtime/', 'src/components/'],
  'src/queue/': ['src/runtime/', 'src/components/', 'src/tenancy/', 'src/webhooks/'],
  'src/sandbox/': ['src/components/', 'src/webhooks/'],
  'src/reconcile/': ['src/components/', 'src/tenancy/', 'src/webhooks/', 'src/watch/'],
  'src/watch/': ['src/runtime/', 'src/components/', 'src/webhooks/', 'src/reconcile/'],
  'src/operations/': [
    'src/runtime/',
    'src/components/',
    'src/webhooks/',
    'src/sandbox/',
    'src/reconcile/',
    'src/watch/',
  ],
  'src/http/': ['src/runtime/', 'src/components/', 'src/webhooks/', 'src/sandbox/', 'src/reconcile/', 'src/watch/'],
  'routes/': ['src/runtime/', 'src/components/', 'src/reconcile/', 'src/queue/', 'src/grpc/', 'workers/'],
  'src/grpc/': ['src/runtime/', 'src/components/', 'src/reconcile/', 'src/queue/', 'src/http/', 'routes/', 'workers/'],
  'workers/': ['src/http/', 'src/grpc/', 'src/app.ts', 'routes/'],
};

/** A pattern of paths that begin with one of these. */
const anyOf = (paths: readonly string[]) => `^(${paths.join('|').replaceAll('.', '\\.')})`;
const to = (path: string) => ({ path });
const from = (path: string, pathNot?: string) => ({ path, ...(pathNot ? { pathNot } : {}) });
const forbid = (name: string, source: object, target: object) => ({
  name,
  severity: 'error',
  from: source,
  to: target,
});

const downwards = floors.slice(0, -1).map((floor, level) =>
  forbid(`${floor.join(', ')}: nothing from above`, from(anyOf(floor), anyOf(entryPoints)), {
    path: anyOf(floors.slice(level + 1).flat()),
    // A room that begins as one above does, such as workers/ and its entry point, is its own.
    pathNot: anyOf(floor.filter((room) => entryPoints.every((entry) => !entry.startsWith(room)))),
  }),
);

const separated = Object.entries(apart).map(([room, others]) =>
  forbid(`${room} keeps apart`, from(anyOf([room]), anyOf(entryPoints)), to(anyOf(others))),
);

export const importRules = {
  validate: true,
  ruleSet: {
    forbidden: [
      forbid('no import circles, of types neither', {}, { circular: true }),
      ...downwards,
      ...separated,
      forbid(
        'the API holds no runtime',
        from('^src/(app|server|start/api)\\.ts$'),
        to('^src/(runtime/(docker|process)|start/(runtimes|host)\\.ts)'),
      ),
      forbid(
        'only what runs components, and what obtains them, calls Docker',
        from('^(src|routes|workers)/', '^src/(docker|runtime|components)/'),
        to('^src/docker/'),
      ),
      // It is a client, and goes into other people's projects.
      forbid('the test helper is a client', from('^src/testing/'), {
        path: '^(src|routes|workers)/',
        pathNot: '^src/(testing/|schemas/|config/default-folders\\.ts)',
      }),
      forbid('nothing imports the command line', from('^(src|routes|workers)/', '^src/cli/'), {
        path: '^src/cli/',
        dependencyTypesNot: ['dynamic-import'],
      }),
      forbid(
        'only entry points run what they are',
        from('^(src|routes|workers)/', '^src/cli/'),
        to(anyOf(entryPoints)),
      ),
      forbid('nothing imports tests', from('^(src|routes|workers|scripts)/'), to('^test/')),
      forbid('benchmarks use what tests are made with, no tests', from('^bench/'), {
        path: '^test/',
        pathNot: '^test/support/',
      }),
      forbid('every import is found', {}, { couldNotResolve: true }),
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
