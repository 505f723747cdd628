import { type AppError, invalidField } from '../errors.ts';
import type { Scope, Whoami } from '../schemas/key.ts';

/** Who asks, as proven, and the one project the request is about. */
export interface Principal {
  readonly kind: Whoami['kind'];
  /** As the audit log and the history of sandboxes have it. */
  readonly subject: string;
  readonly name: string;
  readonly project: string;
  readonly projectUid: string;
  readonly scopes: readonly Scope[];
  /** Epoch milliseconds, or null. */
  readonly expiresAt: number | null;
  /** The key, when it is one. */
  readonly key: ProvenKey | null;
}

/** How a key is found again: by its id, and as long as it is not revoked, with this hash. */
export interface ProvenKey {
  readonly id: string;
  /** As it is stored, in base64. */
  readonly hash: string;
}

/** What a route asks for; `service` is the service's own admin key. */
export type NeededScope = Scope | 'service';

const implied: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ['read'],
  write: ['read', 'write'],
  admin: ['read', 'write', 'admin'],
};

/** `insufficient_scope`, unless the principal has the scope. */
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
