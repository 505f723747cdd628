import { readdirSync, readFileSync } from 'node:fs';
import type { ClientContext, Result } from 'ioredis';

const folder = new URL('scripts/', import.meta.url);

/**
 * What has to be atomic, as Lua, for the option `scripts` of ioredis: each file of scripts/ becomes a command,
 * create-sandbox.lua `createSandbox`. A line `--- include NAME` stands for the text of scripts/include/NAME.lua. The
 * header of a script names its keys and arguments; the functions in calls/ put them into that order, and are how it is
 * called.
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

type ScriptArguments = [numberOfKeys: number, ...keysAndArguments: string[]];

/** In the form in which a command of a script takes them. */
export function scriptArguments(keys: readonly string[], values: readonly (string | number)[] = []): ScriptArguments {
  return [keys.length, ...keys, ...values.map(String)];
}

/** What a script returns when a project has reached a limit. */
type QuotaReply = [outcome: 'quota', limit: string, value: number, used: number, retryAfterMs: number];

/** What each command returns. Scripts that only say yes or no return 1 or 0. */
interface ScriptReplies {
  createSandbox: ['created' | 'key_ended' | 'not_found' | 'deleting'] | ['exists', resource: string] | QuotaReply;
  updateSandbox: number;
  removeSandbox: number;
  nextPriority: number;
  noteTaken: number;
  leasePort: number;
  releasePort: number;
  takeHostLease: number;
  createProject: number;
  updateHash: number;
  markProjectDeleting: number;
  unlinkOfProject: number;
  forgetProject: number;
  addToProject: number;
  removeFromProject: number;
  revokeKey: number;
  noteKeyUse: number;
  beginIdempotentRequest: [state: 'yours' | 'answered' | 'mismatch' | 'in-flight', seedOrAnswer?: string];
  endIdempotentRequest: number;
  writeDelivery: number;
  claimDelivery: [delivery: string, waiting: number, hasMore: number] | null;
  noteWebhookAttempt: number;
  disableWebhook: number;
  queueEvents: number;
  takeEvents: [project: string, events: string[]][];
  finishEvents: number;
}

type ScriptCommands<Context extends ClientContext> = {
  [Name in keyof ScriptReplies]: (...given: ScriptArguments) => Result<ScriptReplies[Name], Context>;
};

declare module 'ioredis' {
  interface RedisCommander<Context> extends ScriptCommands<Context> {}
}
