import Type, { type Static, type TSchema } from 'typebox';

export type Env = Readonly<Record<string, string | undefined>>;

/** A part of the service. `npm start` runs both in one process. */
export type Part = 'api' | 'worker';

/** One setting: its environment variable, which values that may have, and what the config makes of them. */
export interface Setting<Value> {
  /** The environment variable. */
  readonly env: string;
  /** The schema of the variable's value. Its description and default go into the README's table. */
  readonly schema: TSchema;
  /** Makes the value in the config of one that the schema has accepted. */
  readonly read: (given: never, env: Env) => Value;
  /** What is wrong with a value that the schema has accepted. */
  readonly faults: (given: never) => readonly string[];
  /** A process that has none of these parts does not look for `faults`, as the files of the others may not be there. */
  readonly usedBy: readonly Part[];
  /** Its value is, or holds, a secret. */
  readonly isSecret: boolean;
}

/** Settings by their names in the config, in groups where they belong together. */
export interface SettingsTable {
  readonly [name: string]: Setting<unknown> | SettingsTable;
}

/** The values of a table of settings after they are read. */
export type ValuesOf<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Setting<infer Value> ? Value : ValuesOf<Table[Name]>;
};

interface More<Given, Read, Value> {
  readonly read?: (given: Read, env: Env) => Value;
  readonly faults?: (given: Given) => readonly string[];
  readonly usedBy?: readonly Part[];
  readonly isSecret?: boolean;
}

const everyPart: readonly Part[] = ['api', 'worker'];

/** A setting that always has a value, as its schema has a default. Without `read` it is kept as it stands. */
export function setting<Schema extends TSchema, Value = Static<Schema>>(
  env: string,
  schema: Schema,
  {
    read = (given) => given as Value,
    faults = () => [],
    usedBy = everyPart,
    isSecret = false,
  }: More<Static<Schema>, Static<Schema>, Value> = {},
): Setting<Value> {
  return { env, schema, read, faults, usedBy, isSecret };
}

/** A setting that may be missing: `read` is then given undefined. */
export function optional<Schema extends TSchema, Value = Static<Schema> | undefined>(
  env: string,
  schema: Schema,
  {
    read = (given) => given as Value,
    faults = () => [],
    usedBy = everyPart,
    isSecret = false,
  }: More<Static<Schema>, Static<Schema> | undefined, Value> = {},
): Setting<Value> {
  return { env, schema: Type.Optional(schema), read, faults, usedBy, isSecret };
}

/** Every setting of a table, in its order. */
export function settingsOf(table: SettingsTable): Setting<unknown>[] {
  return Object.values(table).flatMap((entry) => (isSetting(entry) ? [entry] : settingsOf(entry)));
}

/** Reads a table from values by variable that the schemas have accepted. */
export function readSettings<Table extends SettingsTable>(
  table: Table,
  given: Readonly<Record<string, unknown>>,
  env: Env,
): ValuesOf<Table> {
  const read = (entry: Setting<unknown> | SettingsTable) =>
    isSetting(entry) ? entry.read(given[entry.env] as never, env) : readSettings(entry, given, env);
  return Object.fromEntries(Object.entries(table).map(([name, entry]) => [name, read(entry)])) as ValuesOf<Table>;
}

function isSetting(entry: Setting<unknown> | SettingsTable): entry is Setting<unknown> {
  return typeof entry.env === 'string';
}
