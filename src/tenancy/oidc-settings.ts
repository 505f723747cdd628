import { readFile } from 'node:fs/promises';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';
import { AppError } from '../errors.ts';
import { stringEnum } from '../schemas/common.ts';
import { scopes } from '../schemas/key.ts';

const closed = { additionalProperties: false };
// Keys that anybody can read must not sign (HS*), and a signature there must be.
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

const Rule = Type.Object(
  {
    match: Type.Record(Type.String(), Type.String({ minLength: 1 }), { minProperties: 1 }),
    project: Type.Optional(Type.String({ pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' })),
    projectFromClaim: Type.Optional(Type.String({ minLength: 1 })),
    scopes: Type.Array(stringEnum(scopes), { minItems: 1, uniqueItems: true }),
  },
  closed,
);
export type OidcRule = Type.Static<typeof Rule>;

const Issuer = Type.Object(
  {
    issuer: Type.String({ pattern: '^(https://|http://(127\\.0\\.0\\.1|localhost|\\[::1\\])[:/])' }),
    audience: Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })]),
    algorithms: Type.Optional(Type.Array(stringEnum(algorithms), { minItems: 1 })),
    rules: Type.Array(Rule, { minItems: 1 }),
  },
  closed,
);
export type OidcIssuer = Type.Static<typeof Issuer>;

const OidcSettings = Type.Object({ issuers: Type.Array(Issuer, { minItems: 1 }) }, closed);
export type OidcSettings = Type.Static<typeof OidcSettings>;

/** Reads the file of SANDPLANE_OIDC_FILE, YAML or JSON. Throws `config_invalid` with every fault. */
export async function readOidcSettings(file: string): Promise<OidcSettings> {
  const value = await readFile(file, 'utf8')
    .then((text) => parse(text) as unknown)
    .catch((cause: unknown) => {
      throw new AppError('config_invalid', `SANDPLANE_OIDC_FILE ${file} cannot be read as YAML.`, { cause });
    });
  const faults = [
    ...Value.Errors(OidcSettings, value).map(({ instancePath, message }) => ({
      pointer: instancePath,
      detail: message,
    })),
  ];
  if (faults.length === 0) faults.push(...contradictions(value as OidcSettings));
  if (faults.length === 0) return value as OidcSettings;
  const lines = faults.map(({ pointer, detail }) => `  ${pointer} ${detail}`);
  throw new AppError('config_invalid', `SANDPLANE_OIDC_FILE ${file} is invalid:\n${lines.join('\n')}`, { faults });
}

function contradictions({ issuers }: OidcSettings): { pointer: string; detail: string }[] {
  return issuers.flatMap(({ issuer, rules }, i) => [
    ...(issuers.findIndex((other) => other.issuer === issuer) < i
      ? [{ pointer: `/issuers/${i}/issuer`, detail: 'is there twice' }]
      : []),
    ...rules.flatMap(({ project, projectFromClaim }, j) =>
      (project === undefined) === (projectFromClaim === undefined)
        ? [{ pointer: `/issuers/${i}/rules/${j}`, detail: 'must have one of project and projectFromClaim' }]
        : [],
    ),
  ]);
}
