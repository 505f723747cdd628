import { hash, timingSafeEqual } from 'node:crypto';
import { AppError, type ErrorCode, invalidField } from '../errors.ts';
import { scopes } from '../schemas/key.ts';
import type { AuthenticateKey } from './authenticate-key.ts';
import { looksLikeKey } from './key-format.ts';
import type { Oidc } from './oidc.ts';
import type { Principal } from './principal.ts';
import { defaultProject, noProject, type Projects } from './projects.ts';

const adminPrincipal = { kind: 'admin', subject: 'admin', name: 'admin', scopes, expiresAt: null, key: null } as const;

export interface AuthenticatorOptions {
  readonly adminKey: string;
  readonly authenticateKey: AuthenticateKey;
  readonly projects: Projects;
  /** Null when no issuer is configured. */
  readonly oidc: Oidc | null;
}

/** A project that a request names, and a pointer to where it does, as in `FieldFault`. */
export interface NamedProject {
  readonly name: string;
  readonly pointer: string;
}

export type Authenticate = ReturnType<typeof createAuthenticator>;

/**
 * Authenticates the header `Authorization: Bearer <key or JWT>`. The project is that of the key or token; for the admin key it
 * is the one that the request names, or the default one.
 */
export function createAuthenticator({ adminKey, authenticateKey, projects, oidc }: AuthenticatorOptions) {
  const adminDigest = digest(adminKey);
  if (looksLikeKey(adminKey))
    throw new AppError('config_invalid', 'SANDPLANE_ADMIN_KEY must not begin as keys of projects do.');

  async function principalOf(given: string, [named]: readonly NamedProject[]): Promise<Principal> {
    if (looksLikeKey(given)) return await authenticateKey(given);
    // Compared by digests of equal length, in constant time.
    if (timingSafeEqual(digest(given), adminDigest)) return await admin(named);
    if (/^ey[^.]*\./.test(given)) return await person(given);
    return await authenticateKey(given);
  }

  async function admin(named: NamedProject | undefined): Promise<Principal> {
    const project = named?.name ?? defaultProject;
    const projectUid = await projects.uidOf(project);
    if (projectUid === null) throw noProject(project, named?.pointer);
    return { ...adminPrincipal, project, projectUid };
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

  /** Throws what authenticate-key.ts and oidc.ts throw, `unauthenticated`, and `not_found` for another project than one's own. */
  return async function authenticate(
    authorization: string | undefined,
    named: readonly NamedProject[],
  ): Promise<Principal> {
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    if (given === undefined) {
      throw refused('Send the header "Authorization: Bearer <key>" with a valid key.', 'unauthenticated');
    }
    const principal = await principalOf(given, named);
    // Naming one's own project is fine; another's is as unknown as one that does not exist.
    const other = named.find(({ name }) => name !== principal.project);
    if (other) throw noProject(other.name, other.pointer);
    return principal;
  };
}

function refused(detail: string, code: ErrorCode): AppError {
  return invalidField('#header/authorization', detail, code);
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
