import { Ajv, type ErrorObject } from 'ajv';
import ajvFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { AppError, type FieldFault } from '../errors.ts';

const addFormats = ajvFormats.default;
// `allErrors` is safe here: bodies are small, and maps have a bound.
const options = {
  useDefaults: true,
  removeAdditional: false,
  allErrors: true,
  verbose: true,
  strict: false,
  // For who makes requests out of the document: what these are, code of ours checks.
  formats: { cursor: true, 'label-selector': true },
} as const;
const maxFaults = 20;

// JSON has types, so a mistyped field is the user's error. A query string has none: its text is read as the type.
const strict = addFormats(new Ajv(options));
const coercing = addFormats(new Ajv({ ...options, coerceTypes: 'array' }));

/** Compiles the schemas of routes; a validator gives `validation_failed` with a pointer to each faulty field. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validate = (httpPart === 'querystring' ? coercing : strict).compile(schema);
  return (data: unknown) => {
    if (validate(data)) return { value: data };
    const faults = toFaults(validate.errors ?? [], httpPart ?? 'body');
    const [first] = faults;
    return { error: new AppError('validation_failed', `${first?.pointer} ${first?.detail}`, { faults }) };
  };
};

const pointerPrefix: Readonly<Record<string, string>> = {
  body: '',
  querystring: '#query',
  params: '#path',
  headers: '#header',
};

function toFaults(errors: readonly ErrorObject[], httpPart: string): FieldFault[] {
  const prefix = pointerPrefix[httpPart] ?? '';
  // A failing anyOf tells each branch; what it is made of follows from the branches. What a name in a map has to be is
  // told once, by propertyNames.
  const telling = errors.filter((error) => error.keyword !== 'anyOf' && error.propertyName === undefined);
  const faults = (telling.length > 0 ? telling : errors).map((error) => ({
    pointer: prefix + pointerOf(error),
    detail: detailOf(error),
  }));
  return faults.slice(0, maxFaults);
}

function pointerOf({ instancePath, keyword, params }: ErrorObject): string {
  const escapeToken = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');
  if (keyword === 'additionalProperties') return `${instancePath}/${escapeToken(String(params.additionalProperty))}`;
  if (keyword === 'required') return `${instancePath}/${escapeToken(String(params.missingProperty))}`;
  if (keyword === 'propertyNames') return `${instancePath}/${escapeToken(String(params.propertyName))}`;
  return instancePath;
}

interface ParentSchema {
  readonly description?: string;
  readonly propertyNames?: { readonly description?: string };
}

/** Says the limit, and what the field is for where the schema tells. */
function detailOf({ keyword, message = 'is not valid', params, parentSchema }: ErrorObject): string {
  if (keyword === 'additionalProperties') {
    const known = Object.keys((parentSchema as { properties?: object } | undefined)?.properties ?? {});
    return known.length > 0 ? `is not a known field; known are: ${known.join(', ')}` : 'is not a valid name here';
  }
  if (keyword === 'enum') return `${message}: ${(params.allowedValues as unknown[]).join(', ')}`;
  const { description, propertyNames } = (parentSchema ?? {}) as ParentSchema;
  if (keyword === 'propertyNames') return `is not a valid name here (${propertyNames?.description})`;
  return keyword === 'pattern' && description ? `${message} (${description})` : message;
}
