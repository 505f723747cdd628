import { hash, timingSafeEqual } from 'node:crypto';
import { AppError, type ErrorCode, invalidField } from '../errors.ts';
import { scopes } from '../schemas/key.ts';
import type { ApiKeys } from './api-keys.ts';
import { looksLikeKey } from './key-format.ts';
import type { Oidc } from './oidc.ts';
import type { Principal } from './principal.ts';
import { defaultProject, noProject, type Projects } from './projects.ts';

export interface AuthenticatorOptions {
  readonly adminKey: string;
  readonly apiKeys: ApiKeys;
  readonly projects: Projects;
  /** Null when no issuer is configured. */
  readonly oidc: Oidc | null;
}

/** A project that a request names, and where in the request it does, as `FieldFault` says it. */
export interface NamedProject {
  readonly name: string;
  readonly pointer: string;
}

export type Authenticator = ReturnType<typeof createAuthenticator>;

/**
 * Who sends the header `Authorization: Bearer <key or JWT>`, and for which project: that of the key or token, or for the
 * admin the one that the request names.
 */
export function createAuthenticator({ adminKey, apiKeys, projects, oidc }: AuthenticatorOptions) {
  const adminDigest = digest(adminKey);
  if (looksLikeKey(adminKey))
    throw new AppError('config_invalid', 'SANDPLANE_ADMIN_KEY must not begin as keys of projects do.');

  async function principalOf(given: string, [named]: readonly NamedProject[]): Promise<Principal> {
    if (looksLikeKey(given)) return await apiKeys.authenticate(given);
    // Compared by digests of equal length, in constant time.
    if (timingSafeEqual(digest(given), adminDigest)) return await admin(named);
    if (/^ey[^.]*\./.test(given)) return await person(given);
    return await apiKeys.authenticate(given);
  }

  async function admin(named: NamedProject | undefined): Promise<Principal> {
    const project = named?.name ?? defaultProject;
    const projectUid = await projects.uidOf(project);
    if (projectUid === null) throw noProject(project, named?.pointer);
    return {
      kind: 'admin',
      subject: 'admin',
      name: 'admin',
      project,
      projectUid,
      scopes,
      expiresAt: null,
      key: null,
    };
  }

  async function person(jwt: string): Promise<Principal> {
    if (!oidc) throw refused('No issuer of tokens is configured here; send a key.', 'token_issuer_unknown');
    const token = await oidc.verify(jwt);
    const projectUid = await projects.uidOf(token.project);
    if (projectUid === null) {
      throw refused(`The token is for the project ${token.project}, which there is not.`, 'token_not_mapped');
    }
    return {
      kind: 'oidc',
      subject: `oidc:${token.issuer}#${token.subject}`,
      name: token.subject,
      project: token.project,
      projectUid,
      scopes: token.scopes,
      expiresAt: token.expiresAt.getTime(),
      key: null,
    };
  }

  return {
    /** Throws what api-keys.ts and oidc.ts throw, and `unauthenticated`. */
    async prove(authorization: string | undefined, named: readonly NamedProject[]): Promise<Principal> {
      const given = bearer(authorization);
      if (given === undefined) {
        throw refused('Send the header "Authorization: Bearer <key>" with a valid key.', 'unauthenticated');
      }
      const principal = await principalOf(given, named);
      // Naming one's own project is fine; another's is as unknown as one that is not there.
      const other = otherThan(principal, named);
      if (other) throw noProject(other.name, other.pointer);
      return principal;
    },
    /** Whose key it was a moment ago; undefined where that is not known. Whether it still is has to be proven. */
    recall(authorization: string | undefined, named: readonly NamedProject[]): Principal | undefined {
      const principal = apiKeys.recall(bearer(authorization) ?? '');
      return principal && !otherThan(principal, named) ? principal : undefined;
    },
  };
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
}

function otherThan(principal: Principal, named: readonly NamedProject[]): NamedProject | undefined {
  return named.find(({ name }) => name !== principal.project);
}

function refused(detail: string, code: ErrorCode): AppError {
  return invalidField('#header/authorization', detail, code);
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
