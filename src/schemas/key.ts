import Type from 'typebox';
import { nullable, pageOf, stringEnum, text, timestamp } from './common.ts';

export const scopes = ['read', 'write', 'admin'] as const;
export type Scope = (typeof scopes)[number];

const scope = stringEnum(scopes, {
  title: 'Scope',
  description: 'what a key may be used for',
  examples: ['read'],
});

const scopeList = Type.Array(scope, {
  description:
    'read: get, list and watch; write: also create, change, delete and take kubeconfigs; admin: also keys and the audit log of the project',
  minItems: 1,
  maxItems: 3,
  uniqueItems: true,
  examples: [['read', 'write']],
});

const keyName = Type.String({
  description: 'what it is for',
  minLength: 1,
  maxLength: 100,
  pattern: '^[^\\u0000-\\u001f\\u007f]*$',
  examples: ['ci'],
});

export const keyId = Type.String({
  description: 'made by the server',
  pattern: '^[0-9a-z]{12}$',
  examples: ['4k2x9q7m3v8t'],
});

export const KeyCreate = Type.Object(
  {
    name: keyName,
    scopes: { ...scopeList, default: ['read', 'write'] },
    expiresAt: Type.Optional(
      nullable(timestamp('when it ends, in the future; null: never'), { examples: ['2099-12-31T23:59:59.000Z'] }),
    ),
  },
  {
    title: 'KeyCreate',
    additionalProperties: false,
    description: 'a key to make',
    'x-examples': {
      shortest: { summary: 'reads and writes, without an end', value: { name: 'ci' } },
      full: {
        summary: 'only reads, until a time',
        value: { name: 'dashboard', scopes: ['read'], expiresAt: '2099-12-31T23:59:59.000Z' },
      },
    },
  },
);
export type KeyCreate = Type.Static<typeof KeyCreate>;

const described = {
  id: keyId,
  name: keyName,
  project: text('what it is a key of', 'team-a'),
  scopes: scopeList,
  createdAt: timestamp('when it was made'),
  expiresAt: nullable(timestamp('when it ends; null: never')),
  lastUsedAt: nullable(timestamp('its last use, to the minute; null: never used')),
};

export const Key = Type.Object(described, { $id: 'Key', title: 'Key', description: 'a key, without its secret' });
export type Key = Type.Static<typeof Key>;

export const KeyWithSecret = Type.Object(
  {
    ...described,
    secret: text(
      'the key itself: told now and never again',
      'sandplane_4k2x9q7m3v8t_kT3vQ9xZ1mB7rW5yH2nD8sF4gJ6pL0cVaEuIoRzXqSwMd1b2NfGh3',
    ),
  },
  { $id: 'KeyWithSecret', title: 'KeyWithSecret', description: 'a new key' },
);
export type KeyWithSecret = Type.Static<typeof KeyWithSecret>;

export const KeyList = pageOf('KeyList', Key, 'a page of keys');

export const Whoami = Type.Object(
  {
    kind: stringEnum(['admin', 'key', 'oidc'] as const, {
      title: 'PrincipalKind',
      description: 'how the caller was authenticated',
      examples: ['key'],
    }),
    subject: text('who, as the audit log has it', 'key:4k2x9q7m3v8t'),
    name: text('for people', 'ci'),
    project: text('the project of this request', 'team-a'),
    scopes: scopeList,
    expiresAt: nullable(timestamp('when it ends; null: never')),
  },
  { $id: 'Whoami', title: 'Whoami', description: 'who asks' },
);
export type Whoami = Type.Static<typeof Whoami>;
