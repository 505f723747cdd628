import type { TSchema } from 'typebox';
import { invalidField } from '../errors.ts';
import type { OperationSchema } from '../operations/operation.ts';

/** A request as JSON, flat as its message is. */
export type Fields = Readonly<Record<string, unknown>>;

/** A request as REST has it: path, query, headers and body apart. */
export interface Parts {
  readonly params: Fields;
  readonly querystring: Fields;
  readonly headers: Fields;
  readonly body: Fields | undefined;
}

/** The names that fields have in REST where they differ, in all messages. */
const restNames: Readonly<Record<string, string>> = {
  labelSelectors: 'label',
  timeoutSeconds: 'timeout',
  idempotencyKey: 'idempotency-key',
  ifMatch: 'if-match',
  waitSeconds: 'prefer',
};
/** The same for the messages of single operations. */
const ownNames: Readonly<Record<string, Readonly<Record<string, string>>>> = { waitForSandbox: { phase: 'for' } };

/** How a value is written as a header. */
const asHeader: Readonly<Record<string, (value: unknown) => string>> = {
  'if-match': (version) => (version === '*' ? '*' : `"${String(version).replace(/^"|"$/g, '')}"`),
  prefer: waitFor,
};

const longestWaitSeconds = 300;
const labelsByName = 'name each label, as labels.team; labels alone removes all, and then none may be given';

function waitFor(seconds: unknown): string {
  const isGood = Number(seconds) >= 0 && Number(seconds) <= longestWaitSeconds;
  if (!isGood) throw invalidField('/waitSeconds', `must be from 0 to ${longestWaitSeconds}`);
  return `wait=${seconds}`;
}

/** Fields in which 0 stands for REST's null: no limit. */
const noLimit: Readonly<Record<string, string>> = { spec: 'ttlSeconds', quotas: 'maxTtlSeconds' };

type Part = 'params' | 'querystring' | 'headers' | 'body';

/** Puts each field where REST has it. */
export function partsReader({ operationId, ...schema }: OperationSchema): (fields: Fields) => Parts {
  const partOf = (name: string): Part =>
    (['params', 'querystring', 'headers'] as const).find((part) => takes(schema[part], name)) ?? 'body';
  const known = new Map<string, readonly [name: string, part: Part]>();
  const target = (field: string) => {
    const name = ownNames[operationId]?.[field] ?? restNames[field] ?? field;
    const found = known.get(field) ?? ([name, partOf(name)] as const);
    known.set(field, found);
    return found;
  };
  return ({ updateMask, ...fields }) => {
    const parts: Record<Part, Record<string, unknown>> = { params: {}, querystring: {}, headers: {}, body: {} };
    for (const field of Object.keys(fields)) {
      const [name, part] = target(field);
      const value = zeroAsNull(field, fields[field]);
      parts[part][name] = part === 'headers' ? (asHeader[name]?.(value) ?? value) : value;
    }
    if (!schema.body) return { ...parts, body: undefined };
    const mask = (updateMask as { paths?: string[] } | undefined)?.paths ?? [];
    return mask.length > 0 ? { ...parts, body: masked(parts.body, mask, schema.body) } : parts;
  };
}

/** The field of the message that REST calls `name`: errors name the field of the message. */
export function messageName(operationId: string, name: string): string {
  const names = { ...restNames, ...ownNames[operationId] };
  return Object.keys(names).find((own) => names[own] === name) ?? name;
}

function takes(schema: TSchema | undefined, name: string): boolean {
  return name in ((schema as { properties?: object } | undefined)?.properties ?? {});
}

function zeroAsNull(field: string, value: unknown): unknown {
  const name = noLimit[field];
  return name !== undefined && (value as Fields)[name] === 0 ? { ...(value as Fields), [name]: null } : value;
}

/**
 * The merge patch (RFC 7396) that an update mask means (https://google.aip.dev/134): what is named and missing is null,
 * and a list is empty.
 * After the first name, the rest of a path is one name, for the key of a label has dots of its own.
 */
function masked(body: Fields, mask: readonly string[], schema: TSchema): Fields {
  const patch = new Map<string, unknown>();
  for (const path of mask) {
    const [, head = '', rest] = /^([^.]*)(?:\.(.*))?$/s.exec(path) ?? [];
    const name = camelCase(head);
    if (rest === undefined) {
      if (name === 'labels' && name in body) throw invalidField('/updateMask', labelsByName);
      patch.set(name, Object.hasOwn(body, name) ? body[name] : isList(schema, name) ? [] : null);
      continue;
    }
    const inner = (body[name] ?? {}) as Fields;
    const key = name === 'labels' ? rest.replace(/^`(.*)`$/s, '$1') : camelCase(rest);
    const value = Object.hasOwn(inner, key) ? inner[key] : null;
    patch.set(name, { ...(patch.get(name) as Fields | undefined), [key]: value });
  }
  return Object.fromEntries(patch);
}

function isList(schema: TSchema, name: string): boolean {
  const { properties } = schema as { properties?: Readonly<Record<string, { type?: string }>> };
  return properties?.[name]?.type === 'array';
}

function camelCase(name: string): string {
  return name
    .replace(/_mib$/, '_miB')
    .replace(/(?<=[a-z0-9])_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
