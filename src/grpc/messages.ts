import protobuf, { type Enum, type Field, type Type } from 'protobufjs';

type Values = Readonly<Record<string, unknown>>;
type Convert = (value: unknown) => unknown;

/** A message as the JSON of REST, and back. */
export interface Codec {
  /** Throws when the bytes are no such message. What is not given is not there. */
  decode(bytes: Uint8Array): Record<string, unknown>;
  encode(value: Values): Buffer;
}

/**
 * How messages and the JSON of REST are made from each other. The fields have the same names; an RFC 3339 text is a
 * Timestamp, a word of a fixed set is the value of an enum with the name of the enum before it, null is what is missing.
 */
export function codecOf(type: Type): Codec {
  const toJson = reader(type);
  const toMessage = writer(type);
  return {
    decode: (bytes) => toJson(type.decode(bytes)) as Record<string, unknown>,
    encode: (value) => Buffer.from(type.encode(toMessage(value) as Values).finish()),
  };
}

function reader(type: Type): Convert {
  return byField(
    type,
    (field) => unlessEmpty(field, readerOf(field)),
    (field) => [field.name, jsonName(field)],
  );
}

function writer(type: Type): Convert {
  return byField(
    type,
    (field) => whole(field, writerOf(field)),
    (field) => [jsonName(field), field.name],
  );
}

/** The converters of all fields are made beforehand, so no message may contain itself. */
function byField(
  type: Type,
  convertOf: (field: Field) => Convert,
  names: (field: Field) => readonly [from: string, to: string],
): Convert {
  const converters = type.fieldsArray.map((field) => [...names(field), convertOf(field)] as const);
  return (given) => {
    const value = given as Values;
    const made: Record<string, unknown> = {};
    for (const [from, to, convert] of converters) {
      // A message inherits the defaults of the fields that it does not have.
      if (!Object.hasOwn(value, from) || value[from] === null || value[from] === undefined) continue;
      const converted = convert(value[from]);
      if (converted !== undefined) made[to] = converted;
    }
    return made;
  };
}

/** The field's name in JSON. The library itself ignores `json_name`. */
export function jsonName({ name, options }: Field): string {
  return (options?.json_name as string | undefined) ?? name;
}

/** Protobuf does not tell an empty list or map from a missing one: both count as missing. */
function unlessEmpty(field: Field, convert: Convert): Convert {
  const all = whole(field, convert);
  if (!field.repeated && !field.map) return all;
  return (values) => (Object.keys(values as object).length === 0 ? undefined : all(values));
}

function whole(field: Field, convert: Convert): Convert {
  if (convert === asItIs) return asItIs;
  if (field.repeated) return (values) => (values as unknown[]).map(convert);
  if (!field.map) return convert;
  return (values) => Object.fromEntries(Object.entries(values as Values).map(([key, one]) => [key, convert(one)]));
}

function asItIs(value: unknown): unknown {
  return value;
}

function readerOf({ type: name, resolvedType: type }: Field): Convert {
  if (type === null) return name === 'int64' ? (value) => numberOf(value as Integer64) : asItIs;
  if (type instanceof protobuf.Enum) {
    const words = enumWords(type);
    // An unknown number becomes its text: validation then says which values there are.
    return (number) => (number === 0 ? undefined : (words.get(number as number) ?? String(number)));
  }
  return isTimestamp(type) ? (value) => textOf(value as Timestamp) : reader(type);
}

function writerOf({ resolvedType: type }: Field): Convert {
  if (type === null) return asItIs;
  if (type instanceof protobuf.Enum) {
    const numbers = new Map([...enumWords(type)].map(([number, word]) => [word, number]));
    return (word) => numbers.get(word as string) ?? 0;
  }
  return isTimestamp(type) ? (value) => timestampOf(value as string) : writer(type);
}

/** REST's words for the values of an enum, by number. */
export function enumWords(type: Enum): ReadonlyMap<number, string> {
  return new Map(Object.entries(type.values).map(([name, number]) => [number, wordOf(type, name)]));
}

/** COMPONENT_KUBE_APISERVER of the enum Component is kube-apiserver. */
function wordOf({ name: enumName }: Enum, name: string): string {
  const prefix = `${enumName.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}_`;
  return name.slice(prefix.length).toLowerCase().replaceAll('_', '-');
}

/** The library reads 64-bit integers as objects. All of ours are exact as numbers. */
type Integer64 = { toNumber(): number } | number;

function numberOf(value: Integer64): number {
  return typeof value === 'number' ? value : value.toNumber();
}

interface Timestamp {
  readonly seconds: Integer64;
  readonly nanos: number;
}

function isTimestamp({ fullName }: Type): boolean {
  return fullName === '.google.protobuf.Timestamp';
}

function textOf({ seconds, nanos }: Timestamp): string {
  const time = new Date(numberOf(seconds) * 1000 + nanos / 1e6);
  // Beyond what a Date can hold it stays a number, so that validation names the field.
  return Number.isNaN(time.getTime()) ? String(numberOf(seconds)) : time.toISOString();
}

function timestampOf(text: string): Timestamp {
  const ms = Date.parse(text);
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1e6 };
}
