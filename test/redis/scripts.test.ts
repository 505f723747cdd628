import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import t from 'tap';
import { connectForWork } from '../../src/redis/connection.ts';
import { idempotencyFields, recordFields } from '../../src/redis/fields.ts';
import { readScripts } from '../../src/redis/scripts.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { temporaryFolder } from '../support/service.ts';

const folder = new URL('../../src/redis/scripts/', import.meta.url);
const scripts = readdirSync(folder)
  .filter((file) => file.endsWith('.lua'))
  .map((file) => ({ file, text: readFileSync(new URL(file, folder), 'utf8') }));

const dir = await temporaryFolder();
const server = await startEmbeddedRedis(dir);
const redis = connectForWork(server.address);
t.teardown(async () => {
  redis.disconnect();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

/** `3` for KEYS[3], `3...` for all from KEYS[3] on. */
function named(header: string, table: 'KEYS' | 'ARGV'): string[] {
  return [...header.matchAll(new RegExp(`^-- ${table}\\[(\\d+(?:\\.\\.\\.)?)\\] \\S`, 'gm'))].map(
    ([, index = '']) => index,
  );
}

/** The same of what the code uses. */
function used(code: string, table: 'KEYS' | 'ARGV'): string[] {
  const single = new Set([...code.matchAll(new RegExp(`${table}\\[(\\d+)\\]`, 'g'))].map(([, index]) => Number(index)));
  const isOpen = new RegExp(`unpack\\(${table}|ipairs\\(${table}|#${table}|${table}\\[[a-z]`).test(code);
  const fixed = [...single].sort((a, b) => a - b).map(String);
  return isOpen ? [...fixed, `${single.size + 1}...`] : fixed;
}

t.test('each script says what it does, what it takes and what it returns', async (t) => {
  t.ok(scripts.length > 20);
  for (const { file, text } of scripts) {
    const [header = ''] = /^(--.*\n)+/.exec(text) ?? [];
    const code = text.slice(header.length).replace(/--.*$/gm, '');
    t.match(header, /^-- [A-Z]/, file);
    t.match(header, /^-- Returns /m, file);
    for (const table of ['KEYS', 'ARGV'] as const) t.same(named(header, table), used(code, table), `${file}: ${table}`);
    const body = code.split('\n').filter((line) => !line.startsWith('local '));
    t.notMatch(body.join('\n'), /(KEYS|ARGV)\[\d/, `${file} gives each a name`);
  }
});

t.test('each is a command of a connection, and Redis compiles it', async (t) => {
  const loaded = Object.entries(readScripts());
  t.equal(loaded.length, scripts.length);
  for (const [name, { lua }] of loaded) {
    t.type(Reflect.get(redis, name), 'function', name);
    t.notMatch(lua, /^--- include/m, name);
    t.match(await redis.script('LOAD', lua), /^[0-9a-f]{40}$/, name);
  }
});

t.test('each includes what it needs, and only that', async (t) => {
  const includes = readdirSync(new URL('include/', folder)).map((file) => {
    const text = readFileSync(new URL(`include/${file}`, folder), 'utf8');
    const names = [...text.matchAll(/^local (?:function )?(\w+)/gm)].map(([, name = '']) => name);
    return { name: file.slice(0, -'.lua'.length), isNeededBy: new RegExp(`\\b(${names.join('|')})[(.)]`) };
  });
  for (const { file, text } of scripts) {
    const included = [...text.matchAll(/^--- include (\S+)$/gm)].map(([, name = '']) => name);
    const needed = includes.filter(({ isNeededBy }) => isNeededBy.test(text)).map(({ name }) => name);
    t.same(included.toSorted(), needed.toSorted(), file);
  }
});

t.test('Lua and TypeScript name the same fields', async (t) => {
  for (const [include, fields] of [
    ['record', recordFields],
    ['idempotency', idempotencyFields],
  ] as const) {
    const text = readFileSync(new URL(`include/${include}.lua`, folder), 'utf8');
    const table = Object.fromEntries([...text.matchAll(/(\w+) = '(\w)'/g)].map(([, name, letter]) => [name, letter]));
    t.same(table, fields);
  }
});
