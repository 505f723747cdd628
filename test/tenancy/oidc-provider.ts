import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import Provider from 'oidc-provider';
import type { Test } from 'tap';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import { createOidc, type Oidc } from '../../src/tenancy/oidc.ts';
import type { OidcIssuer, OidcRule } from '../../src/tenancy/oidc-settings.ts';

type Tap = Pick<Test, 'equal' | 'intercept' | 'match' | 'notOk' | 'teardown'>;
export type Claims = Record<string, unknown>;

export const shopRule: OidcRule = {
  match: { repository: 'acme/shop', ref: 'refs/heads/*' },
  project: 'shop',
  scopes: ['read', 'write'],
};
export const shopClaims = { repository: 'acme/shop', ref: 'refs/heads/main' };

/** A server on a loopback port; `close` drops its connections, as a process that ends does. */
export async function listen(t: Tap, handle: (url: string) => RequestListener, port = 0) {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on('request', handle(url));
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  t.teardown(close);
  return { url, port: (server.address() as AddressInfo).port, close };
}

export async function makeKey(kid: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' };
}

/** A real OpenID provider. Its JWT access tokens have the audience that is asked for, and the extra claims given. */
export async function startProvider(t: Tap, { key, port = 0 }: { key?: JWK; port?: number } = {}) {
  const jwk = key ?? (await makeKey('first'));
  let extra: Claims = {};
  const handle = (url: string) => {
    const provider = new Provider(url, {
      clients: [
        {
          client_id: 'ci',
          client_secret: 'secret',
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
        },
      ],
      jwks: { keys: [jwk] },
      ttl: { ClientCredentials: 600 },
      cookies: { keys: ['only a test'] },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_, resource) => ({
            scope: '',
            audience: new URL(resource).hostname,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 600,
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
      extraTokenClaims: () => extra,
    });
    return provider.callback();
  };
  const server = await listen(t, handle, port);

  return {
    ...server,
    jwk,
    async token(claims: Claims = shopClaims, audience = 'sandplane'): Promise<string> {
      extra = claims;
      const answer = await fetch(`${server.url}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa('ci:secret')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: `https://${audience}` }),
      });
      const { access_token: token } = (await answer.json()) as { access_token?: string };
      if (!token) throw new Error(`The provider answered ${answer.status} and no token`);
      return token;
    },
    /** A token that the provider would not give, of its own key unless another is given. */
    async sign(changes: Claims, signer: JWK = jwk): Promise<string> {
      return await sign({ ...standardClaims(server.url), ...changes }, signer);
    },
  };
}

export function standardClaims(iss: string): Claims {
  const now = Math.floor(Date.now() / 1000);
  return { iss, aud: 'sandplane', sub: 'ci', exp: now + 600, ...shopClaims };
}

/** A claim that is undefined is left out. */
export async function sign(claims: Claims, jwk: JWK): Promise<string> {
  const header = { alg: 'RS256', ...(jwk.kid !== undefined && { kid: jwk.kid }) };
  return await new SignJWT(JSON.parse(JSON.stringify(claims)))
    .setProtectedHeader(header)
    .sign(await importJWK(jwk, 'RS256'));
}

export function createFor(issuer: string, rules: OidcRule[] = [shopRule], more: Partial<OidcIssuer> = {}) {
  const asked: string[] = [];
  const counted: typeof fetch = async (input, init) => {
    asked.push(new URL(String(input)).pathname);
    return await fetch(input, init);
  };
  const oidc = createOidc({ issuers: [{ issuer, audience: 'sandplane', rules, ...more }] }, { fetch: counted });
  return { oidc, asked };
}

export async function refused(t: Tap, oidc: Oidc, token: string, code: ErrorCode): Promise<AppError> {
  const error: unknown = await oidc.verify(token).catch((error: unknown) => error);
  if (!(error instanceof AppError)) throw new Error(`must be refused as ${code}`, { cause: error });
  t.equal(error.code, code);
  t.match(error.faults, [{ pointer: '#header/authorization', detail: error.message }]);
  if (token !== '') t.notOk(error.message.includes(token), 'the token is not told');
  return error;
}

/** Moves the clock that caches go by. */
export function moveClock(t: Tap) {
  const now = Date.now;
  let ahead = 0;
  t.intercept(Date, 'now', { value: () => now() + ahead });
  return (seconds: number) => {
    ahead += seconds * 1000;
  };
}
