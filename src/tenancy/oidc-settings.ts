import { readFile } from 'node:fs/promises';
import Type from 'typebox';
import { Settings } from 'typebox/system';
import { Value } from 'typebox/value';
import { parse } from 'yaml';
import { AppError, type FieldFault } from '../errors.ts';
import { stringEnum } from '../schemas/common.ts';
import { scopes } from '../schemas/key.ts';
import { projectName } from '../schemas/project.ts';

export const projectNameRule = 'must be the name of a project: a DNS label of a-z, 0-9 and "-", at most 63 characters';

const closed = { additionalProperties: false };
const text = Type.String({ minLength: 1 });

// Signatures of a key pair only. With HS* whoever can read the issuer's published key could sign by it; `none` is no
// signature (RFC 8725, 2.1 and 3.1).
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

const Rule = Type.Refine(
  Type.Object(
    {
      match: Type.Record(Type.String(), text, { minProperties: 1 }),
      project: Type.Optional(projectName),
      projectFromClaim: Type.Optional(text),
      scopes: Type.Array(stringEnum(scopes), { minItems: 1, uniqueItems: true }),
    },
    closed,
  ),
  (rule) => (rule.project === undefined) !== (rule.projectFromClaim === undefined),
  () => 'must have either project or projectFromClaim',
);

const Issuer = Type.Object(
  {
    issuer: Type.Refine(Type.String(), isIssuer, () => {
      return 'must be an https:// URL (http:// on a loopback host only) without a user, a query or a fragment';
    }),
    audience: Type.Union([text, Type.Array(text, { minItems: 1 })]),
    algorithms: Type.Optional(Type.Array(stringEnum(algorithms), { minItems: 1 })),
    rules: Type.Array(Rule, { minItems: 1 }),
  },
  closed,
);

const OidcSettings = Type.Object({ issuers: Type.Array(Issuer, { minItems: 1 }) }, closed);

/** `match` maps a claim to its pattern. Each rule has either `project` or `projectFromClaim`. */
export type OidcRule = Type.Static<typeof Rule>;
export type OidcIssuer = Type.Static<typeof Issuer>;
export type OidcSettings = Type.Static<typeof OidcSettings>;

/**
 * Reads the issuers whose tokens count, and what their tokens may do, from a YAML or JSON file.
 * Throws `config_invalid` with every fault at once, each with its JSON pointer (RFC 6901) into the file.
 */
export async function readOidcSettings(file: string): Promise<OidcSettings> {
  const value = parseYaml(file, await readText(file));
  const faults = [...schemaFaults(value), ...repeatedIssuers(value)];
  if (faults.length === 0) return value as OidcSettings;
  const lines = faults.map(({ pointer, detail }) => `  ${pointer || '/'} ${detail}`);
  throw new AppError('config_invalid', `The OIDC settings in ${file} are invalid:\n${lines.join('\n')}`, { faults });
}

/** The first rule of which every pattern matches. A claim that is absent never matches. */
export function findRule(rules: readonly OidcRule[], claims: Readonly<Record<string, unknown>>): OidcRule | undefined {
  // Own claims only: `constructor` is none.
  const read = (name: string) => (Object.hasOwn(claims, name) ? claims[name] : undefined);
  return rules.find(({ match }) => Object.entries(match).every(([name, pattern]) => hasMatch(read(name), pattern)));
}

/** https, or http that stays on this machine: on any other way somebody could put in keys of their own. */
export function isTrustworthyUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
}

/** An issuer as OpenID Connect Discovery 1.0, section 3, has it. */
function isIssuer(issuer: string): boolean {
  if (!isTrustworthyUrl(issuer) || /[?#\s]/.test(issuer)) return false;
  const { username, password } = new URL(issuer);
  return username === '' && password === '';
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new AppError('config_invalid', `The OIDC settings in ${file} cannot be read (${reason}).`, { cause });
  }
}

/** JSON is YAML too (YAML 1.2, 1.3). */
function parseYaml(file: string, content: string): unknown {
  try {
    return parse(content);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new AppError('config_invalid', `The OIDC settings in ${file} are not YAML or JSON: ${reason}`, { cause });
  }
}

function schemaFaults(value: unknown): FieldFault[] {
  const { maxErrors } = Settings.Get();
  // typebox stops at 8 errors, by a setting it has only for the whole process. Nothing else runs meanwhile.
  Settings.Set({ maxErrors: 1000 });
  try {
    return Value.Errors(OidcSettings, value).flatMap(toFaults);
  } finally {
    Settings.Set({ maxErrors });
  }
}

function toFaults(error: ReturnType<typeof Value.Errors>[number]): FieldFault[] {
  const { keyword, instancePath: pointer, message } = error;
  const at = (name: string) => `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  if (error.keyword === 'required') {
    return error.params.requiredProperties.map((name) => ({ pointer: at(name), detail: 'is missing' }));
  }
  if (error.keyword === 'additionalProperties') {
    return error.params.additionalProperties.map((name) => ({ pointer: at(name), detail: 'is not a setting' }));
  }
  if (error.keyword === 'enum') {
    return [{ pointer, detail: `must be one of ${error.params.allowedValues.join(', ')}` }];
  }
  if (keyword === 'pattern') return [{ pointer, detail: projectNameRule }];
  if (keyword === 'anyOf') return [{ pointer, detail: 'must be a text or a list of texts, and not empty' }];
  // Told already: the branches of the audience by `anyOf`, an unknown name by `additionalProperties`.
  return keyword === 'boolean' || error.schemaPath.includes('/anyOf/') ? [] : [{ pointer, detail: message }];
}

/**
 * Takes a value of any shape, so that an issuer that is there twice is reported together with the faults of the
 * schema.
 */
function repeatedIssuers(value: unknown): FieldFault[] {
  const issuers: unknown = (value as { issuers?: unknown } | null)?.issuers;
  if (!Array.isArray(issuers)) return [];
  const names = issuers.map((one: { issuer?: unknown } | null) => one?.issuer);
  return names.flatMap((name, index) =>
    name !== undefined && names.indexOf(name) < index
      ? [{ pointer: `/issuers/${index}/issuer`, detail: 'is there twice; put the rules of an issuer into one list' }]
      : [],
  );
}

/** Of a list one member has to match; a number or boolean counts as its text. */
function hasMatch(claim: unknown, pattern: string): boolean {
  const values: unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.some((value) => ['string', 'number', 'boolean'].includes(typeof value) && fits(String(value), pattern));
}

/** `*` stands for any text. Not by a RegExp, which takes quadratic time and more on a long claim and several `*`. */
function fits(value: string, pattern: string): boolean {
  const [start = '', ...rest] = pattern.split('*');
  const end = rest.pop();
  if (end === undefined) return value === pattern;
  if (!value.startsWith(start)) return false;
  let position = start.length;
  for (const part of rest) {
    const index = value.indexOf(part, position);
    if (index < 0) return false;
    position = index + part.length;
  }
  return value.length - end.length >= position && value.endsWith(end);
}
