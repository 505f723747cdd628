import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import t from 'tap';
import { parse } from 'yaml';
import { describeSettings } from '../../src/config/settings.ts';

interface ComposeFile {
  readonly services: Readonly<Record<string, { readonly environment?: Readonly<Record<string, string>> }>>;
}

const file = await readFile('docker-compose.yml', 'utf8');
const example = parseEnv(await readFile('.env.example', 'utf8'));
const { services } = parse(file, { merge: true }) as ComposeFile;

/** Folders are volumes, and only `npm start` makes a first sandbox. */
const notThere = ['SANDPLANE_DATA_DIR', 'SANDPLANE_CACHE_DIR', 'SANDPLANE_DEMO'];
/** What they are in the containers is fixed: they say where the ports are published, and what Redis may take. */
const ofTheHost = ['SANDPLANE_HOST', 'SANDPLANE_PORT', 'SANDPLANE_GRPC_PORT', 'SANDPLANE_REDIS_MEMORY_MIB'];
const names = describeSettings()
  .map(({ name }) => name)
  .filter((name) => !notThere.includes(name));

t.test('every setting can be set in .env, for API and worker', async (t) => {
  for (const service of ['api', 'worker']) {
    const environment = services[service]?.environment ?? {};
    const missing = names.filter((name) => !ofTheHost.includes(name) && !environment[name]?.startsWith(`\${${name}:-`));
    t.same(missing, [], service);
  }
  t.same(
    ofTheHost.filter((name) => !file.includes(`\${${name}:-`)),
    [],
  );
});

t.test('.env.example has every setting, and no others than the compose file', async (t) => {
  t.same(
    names.filter((name) => example[name] === undefined),
    [],
  );
  const used = [...file.matchAll(/\$\{(\w+):-([^}]*)\}/g)];
  t.same([...new Set(used.map(([, name]) => name))].sort(), Object.keys(example).sort());
  for (const [, name = '', fallback] of used) t.equal(example[name], fallback, `the default of ${name}`);
});
