import type { Redis } from 'ioredis';

/** How a key or an argument is written: as one text, or as several of which a script takes the rest of its list. */
type Write = (value: never) => string | readonly string[];
type Written = Readonly<Record<string, Write>>;
type Values<Names extends Written> = { readonly [Name in keyof Names]: Parameters<Names[Name]>[0] };

interface ScriptCall<Keys extends Written, Arguments extends Written, Reply> {
  /** In the order of KEYS in the header of the script. */
  readonly keys: Keys;
  /** In the order of ARGV in the header of the script. */
  readonly arguments: Arguments;
  /** Makes a value of what the script returns. */
  readonly reply: (returned: never) => Reply;
}

type Given<Keys extends Written, Arguments extends Written> = { readonly keys: Values<Keys> } & Values<Arguments>;

/** A script as a function with named keys and arguments. `command` is its name on a connection, see scripts.ts. */
export function scriptCall<Keys extends Written, Arguments extends Written, Reply>(
  command: string,
  { keys, arguments: values, reply }: ScriptCall<Keys, Arguments, Reply>,
): (redis: Redis, given: Given<Keys, Arguments>) => Promise<Reply> {
  return async (redis, given) => {
    const written = write(keys, given.keys);
    // ioredis makes the command when it connects, so its types do not know it.
    const commands = redis as unknown as Record<string, (...parts: (string | number)[]) => Promise<never>>;
    const run = commands[command];
    if (!run) throw new Error(`there is no script ${command}`);
    return reply(await run.call(redis, written.length, ...written, ...write(values, given)));
  };
}

function write<Names extends Written>(names: Names, values: Values<Names>): string[] {
  return Object.entries(names).flatMap(([name, as]) => as(values[name] as never));
}

export const text = (value: string) => value;
export const number = (value: number) => String(value);
export const flag = (value: boolean) => (value ? '1' : '0');
export const list = (values: readonly string[]) => values;
/** Fields of a hash and their values. */
export const fields = (values: Readonly<Record<string, string>>) => Object.entries(values).flat();
/** The same, or '' for null. */
export const orEmpty =
  <Value>(as: (value: Value) => string) =>
  (value: Value | null) =>
    value === null ? '' : as(value);

/** What a script returns that has nothing to tell. */
export const nothing = () => undefined;
export const isOne = (returned: number) => returned === 1;
/** What a script returns, as it is. */
export const asIs =
  <Reply>() =>
  (returned: Reply) =>
    returned;
