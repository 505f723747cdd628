import { Value } from 'typebox/value';
import { AppError } from '../errors.ts';
import { contradictions, type Fault } from './contradictions.ts';
import { type Env, type Part, readSettings, type Setting, settingsOf } from './setting.ts';
import { settings } from './settings.ts';

/** The values of all settings, by their names in the table. */
export type Config = ReturnType<typeof toConfig>;

const all = settingsOf(settings);
const known = all.map(({ env }) => env);

/** What users of the service set for themselves (docs/test-helpers.md). They may stand beside the settings. */
const ofClients = ['SANDPLANE_URL', 'SANDPLANE_KEY'];

/**
 * Reads and checks the settings for a process with these parts of the service. Throws `config_invalid` with every fault
 * at once.
 */
export function loadConfig(env: Env, parts: readonly Part[] = ['api', 'worker']): Config {
  const values: Record<string, unknown> = {};
  const faults: Fault[] = unknownNames(env);
  for (const setting of all) {
    const value = readValue(setting, env);
    const found = value === undefined ? [] : faultsOf(setting, value, parts);
    faults.push(...found.map((detail) => ({ env: setting.env, detail })));
    values[setting.env] = found.length === 0 ? value : null;
  }
  faults.push(...contradictions(values, parts));
  if (faults.length > 0) {
    const lines = faults.map((fault) => `  ${fault.env} ${fault.detail}`);
    const pointers = faults.map((fault) => ({ pointer: `/${fault.env}`, detail: fault.detail }));
    throw new AppError('config_invalid', `The settings are invalid:\n${lines.join('\n')}`, { faults: pointers });
  }
  return toConfig(values, env);
}

/**
 * Reads the settings of this process, as `loadConfig`, and takes those that are secret out of its environment: what it starts
 * from then on inherits the rest.
 */
export function takeConfig(env: NodeJS.ProcessEnv, parts?: readonly Part[]): Config {
  const config = loadConfig(env, parts);
  for (const { env: name, isSecret } of all) if (isSecret) delete env[name];
  return config;
}

function toConfig(values: Readonly<Record<string, unknown>>, env: Env) {
  const { grpcTls, ...rest } = readSettings(settings, values, env);
  const { certificateFile, keyFile } = grpcTls;
  // Paths of PEM files; null: cleartext.
  const tls = certificateFile && keyFile ? { certificateFile, keyFile } : null;
  return Object.freeze({ ...rest, grpcTls: tls });
}

/** An empty value counts as unset, as compose files write it for a variable nobody gave. */
function readValue({ env: name, schema }: Setting<unknown>, env: Env): unknown {
  const text = env[name];
  const { type, default: fallback } = schema as { type?: string; default?: unknown };
  if (!text) return fallback;
  // Else 80.9 would be read as 80, and true as 1.
  if (type === 'integer' && !/^\d+$/.test(text)) return text;
  return Value.Convert(schema, text);
}

function faultsOf({ schema, faults, usedBy }: Setting<unknown>, value: unknown, parts: readonly Part[]) {
  if (!Value.Check(schema, value)) return [expectation(schema)];
  return usedBy.some((part) => parts.includes(part)) ? faults(value as never) : [];
}

/** What a schema wants, in words. */
function expectation(schema: Setting<unknown>['schema']): string {
  const { type, minimum, maximum, minLength } = schema as Record<string, unknown>;
  const words = (schema as { enum?: readonly string[] }).enum;
  if (words) return `must be one of ${words.join(', ')}`;
  if (type === 'integer') return `must be a whole number from ${minimum} to ${maximum}`;
  return type === 'boolean' ? 'must be true or false' : `must have at least ${minLength} characters`;
}

function unknownNames(env: Env): Fault[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('SANDPLANE_') && ![...known, ...ofClients].includes(name))
    .map((name) => ({ env: name, detail: 'is not a setting; see the table of settings in the README' }));
}
