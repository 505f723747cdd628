/** The parts of an OpenAPI document that the steps of its making read. Other parts have no type here. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly [keyword: string]: unknown;
}

export interface Media {
  readonly schema?: Schema;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
  readonly [field: string]: unknown;
}

type Content = Readonly<Record<string, Media>>;

export interface Header {
  readonly schema?: Schema;
  readonly [field: string]: unknown;
}

export interface Answer {
  readonly headers?: Readonly<Record<string, Header>>;
  readonly content?: Content;
  readonly [field: string]: unknown;
}

export interface Parameter {
  readonly name: string;
  readonly schema?: Schema;
  readonly [field: string]: unknown;
}

export interface Body {
  readonly content: Content;
  readonly [field: string]: unknown;
}

export interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Answer>>;
  readonly [field: string]: unknown;
}

interface Components {
  readonly schemas?: Readonly<Record<string, Schema>>;
  readonly headers?: Readonly<Record<string, Header>>;
  readonly responses?: Readonly<Record<string, Answer>>;
  readonly [kind: string]: unknown;
}

/** An OpenAPI document, 3.1 or 3.0. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: Components;
  readonly [field: string]: unknown;
}
