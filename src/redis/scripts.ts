import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('scripts/', import.meta.url);

/**
 * What has to be atomic, as Lua, for the option `scripts` of ioredis: each file of scripts/ becomes a command,
 * create-sandbox.lua `createSandbox`. A line `--- include NAME` stands for the text of scripts/include/NAME.lua. The
 * header of a script names its keys and arguments; the functions in calls/ name them in the same order, and are how it
 * is called.
 */
export function readScripts(): Record<string, { lua: string }> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.lua'));
  return Object.fromEntries(files.map((file) => [commandName(file), { lua: withIncludes(read(file)) }]));
}

function commandName(file: string): string {
  return file.slice(0, -'.lua'.length).replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase());
}

function withIncludes(lua: string): string {
  return lua.replace(/^--- include (\S+)$/gm, (_line, name: string) => read(`include/${name}.lua`));
}

function read(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8');
}
