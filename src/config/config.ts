import Type from 'typebox';
import { Value } from 'typebox/value';
import { AppError } from '../errors.ts';
import { type Env, readSettings, settingsOf } from './setting.ts';
import { settings } from './settings.ts';

/** The values of all settings, by their names in the table. */
export type Config = ReturnType<typeof toConfig>;

interface Fault {
  /** The environment variable, as a JSON pointer. */
  readonly pointer: string;
  readonly detail: string;
}

const all = settingsOf(settings);
const known = all.map(({ env }) => env);
const Environment = Type.Object(Object.fromEntries(all.map(({ env, schema }) => [env, schema])));

/** What users of the service set for themselves (docs/test-helpers.md). They may stand beside the settings. */
const ofClients = ['SANDPLANE_URL', 'SANDPLANE_KEY'];

/** Reads and checks the settings. Pure. Throws `config_invalid` with every fault at once. */
export function loadConfig(env: Env): Config {
  // An empty value counts as unset, as compose files write it for a variable nobody gave.
  const given = Object.fromEntries(known.filter((name) => env[name]).map((name) => [name, env[name]]));
  const value = Value.Convert(Environment, Value.Default(Environment, given)) as Record<string, unknown>;
  const faults = [...schemaFaults(value), ...unknownNames(env)];
  if (faults.length === 0) faults.push(...valueFaults(value), ...halfTls(value));
  if (faults.length > 0) {
    const lines = faults.map((fault) => `  ${fault.pointer.slice(1)} ${fault.detail}`);
    throw new AppError('config_invalid', `The settings are invalid:\n${lines.join('\n')}`, { faults });
  }
  return toConfig(value, env);
}

function toConfig(value: Readonly<Record<string, unknown>>, env: Env) {
  const { grpcTls, ...rest } = readSettings(settings, value, env);
  const { certificateFile, keyFile } = grpcTls;
  // Paths of PEM files; null: cleartext.
  const tls = certificateFile && keyFile ? { certificateFile, keyFile } : null;
  return Object.freeze({ ...rest, grpcTls: tls });
}

function schemaFaults(value: Readonly<Record<string, unknown>>): Fault[] {
  return Value.Errors(Environment, value).map(({ instancePath, message }) => ({
    pointer: instancePath,
    detail: message,
  }));
}

function unknownNames(env: Env): Fault[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('SANDPLANE_') && ![...known, ...ofClients].includes(name))
    .map((name) => ({ pointer: `/${name}`, detail: 'is not a setting; see the table of settings in the README' }));
}

function valueFaults(value: Readonly<Record<string, unknown>>): Fault[] {
  return all.flatMap(({ env, faults }) =>
    faults(value[env] as never).map((detail) => ({ pointer: `/${env}`, detail })),
  );
}

function halfTls(value: Readonly<Record<string, unknown>>): Fault[] {
  const missing = settingsOf(settings.grpcTls).filter(({ env }) => value[env] === undefined);
  if (missing.length !== 1) return [];
  return [{ pointer: `/${missing[0]?.env}`, detail: 'is missing: certificate and key are set together, or neither' }];
}
