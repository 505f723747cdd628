import { Ajv, type ErrorObject } from 'ajv';
import ajvFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { AppError, type ErrorCode, type FieldFault } from '../errors.ts';

const addFormats = ajvFormats.default;
// `allErrors` is safe here: bodies are small, and maps have a bound.
const options = {
  useDefaults: true,
  removeAdditional: false,
  allErrors: true,
  verbose: true,
  strict: false,
  // These formats are in the document for readers and generators; our own code checks such values later.
  formats: { cursor: true, 'label-selector': true, etags: true, 'event-id': true },
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
    const errors = telling(validate.errors ?? []);
    const faults = toFaults(errors, httpPart ?? 'body');
    const [first] = faults;
    return { error: new AppError(codeOf(errors), `${first?.pointer} ${first?.detail}`, { faults }) };
  };
};

/** A rule can have a code of its own (`x-error-code` beside it); what breaks several rules has it if all share it. */
function codeOf(errors: readonly ErrorObject[]): ErrorCode {
  const codes = new Set(
    errors.map(({ keyword, parentSchema }) => {
      const { propertyNames, ...rule } = (parentSchema ?? {}) as ParentSchema;
      return (keyword === 'propertyNames' ? propertyNames : rule)?.['x-error-code'];
    }),
  );
  const [only = 'validation_failed'] = codes;
  return codes.size === 1 ? only : 'validation_failed';
}

const pointerPrefix: Readonly<Record<string, string>> = {
  body: '',
  querystring: '#query',
  params: '#path',
  headers: '#header',
};

/**
 * The errors that are worth telling. A failing `anyOf` also reports each of its branches, which say more; a bad name
 * in a map is reported by `propertyNames`, and again by each rule in it.
 */
function telling(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const some = errors.filter((error) => error.keyword !== 'anyOf' && error.propertyName === undefined);
  return some.length > 0 ? some : errors;
}

function toFaults(errors: readonly ErrorObject[], httpPart: string): FieldFault[] {
  const prefix = pointerPrefix[httpPart] ?? '';
  const faults = errors.map((error) => ({
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

interface Rule {
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly 'x-error-code'?: ErrorCode;
}

interface ParentSchema extends Rule {
  readonly propertyNames?: Rule;
}

/** Says the limit, and what the field is for where the schema tells. */
function detailOf({ keyword, message = 'is not valid', params, parentSchema }: ErrorObject): string {
  if (keyword === 'additionalProperties') {
    const known = Object.keys((parentSchema as { properties?: object } | undefined)?.properties ?? {});
    return known.length > 0 ? `is not a known field; known are: ${known.join(', ')}` : 'is not a valid name here';
  }
  if (keyword === 'enum') return `${message}: ${(params.allowedValues as unknown[]).join(', ')}`;
  const { description, propertyNames } = (parentSchema ?? {}) as ParentSchema;
  if (keyword === 'propertyNames') {
    const list = propertyNames?.enum ? `; allowed are: ${propertyNames.enum.join(', ')}` : '';
    return `is not a valid name here (${propertyNames?.description})${list}`;
  }
  return keyword === 'pattern' && description ? `${message} (${description})` : message;
}
