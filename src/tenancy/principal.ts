import { type AppError, invalidField } from '../errors.ts';
import type { Scope, Whoami } from '../schemas/key.ts';

/** The authenticated caller, and the one project that the request is about. */
export interface Principal {
  readonly kind: Whoami['kind'];
  /** The name of the caller in the audit log and in the history of sandboxes. */
  readonly subject: string;
  readonly name: string;
  readonly project: string;
  readonly projectUid: string;
  readonly scopes: readonly Scope[];
  /** Epoch milliseconds, or null. */
  readonly expiresAt: number | null;
  /** The key of a project that was sent; null for the admin key and for tokens. */
  readonly key: StoredKey | null;
}

/** A key as the store has it: where it is looked up, and the hash that was found there. */
export interface StoredKey {
  readonly id: string;
  /** SHA-256 of the key, in base64. */
  readonly hash: string;
}

/** What a route needs; `service` stands for the service's own admin key. */
export type NeededScope = Scope | 'service';

const implied: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ['read'],
  write: ['read', 'write'],
  admin: ['read', 'write', 'admin'],
};

/** The error `insufficient_scope`, unless the principal has the scope. */
export function missingScope(principal: Principal, needed: NeededScope): AppError | undefined {
  if (principal.kind === 'admin') return undefined;
  if (needed === 'service') {
    return invalidField('#header/authorization', "Only the service's admin key may do that.", 'insufficient_scope');
  }
  if (principal.scopes.some((scope) => implied[scope].includes(needed))) return undefined;
  const held = principal.scopes.join(', ');
  const detail = `This needs the scope ${needed}; ${principal.subject} has ${held}.`;
  return invalidField('#header/authorization', detail, 'insufficient_scope');
}

/** Throws `insufficient_scope`. */
export function requireScope(principal: Principal, needed: NeededScope): void {
  const refusal = missingScope(principal, needed);
  if (refusal) throw refusal;
}

export function whoami(principal: Principal): Whoami {
  const { kind, subject, name, project, scopes, expiresAt } = principal;
  return {
    kind,
    subject,
    name,
    project,
    scopes: [...scopes],
    expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  };
}
