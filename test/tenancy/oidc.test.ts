import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import Provider from 'oidc-provider';
import t, { type Test } from 'tap';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import { createOidc, type Oidc } from '../../src/tenancy/oidc.ts';
import type { OidcIssuer, OidcRule } from '../../src/tenancy/oidc-settings.ts';

type Tap = Pick<Test, 'equal' | 'intercept' | 'match' | 'notOk' | 'teardown'>;
type Claims = Record<string, unknown>;

const shopRule: OidcRule = {
  match: { repository: 'acme/shop', ref: 'refs/heads/*' },
  project: 'shop',
  scopes: ['read', 'write'],
};
const shopClaims = { repository: 'acme/shop', ref: 'refs/heads/main' };

/** A server on a loopback port; `close` drops its connections, as a process that ends does. */
async function listen(t: Tap, handle: (url: string) => RequestListener, port = 0) {
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

async function makeKey(kid: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' };
}

/** A real OpenID provider. Its JWT access tokens have the audience that is asked for, and the extra claims given. */
async function startProvider(t: Tap, { key, port = 0 }: { key?: JWK; port?: number } = {}) {
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

function standardClaims(iss: string): Claims {
  const now = Math.floor(Date.now() / 1000);
  return { iss, aud: 'sandplane', sub: 'ci', exp: now + 600, ...shopClaims };
}

/** A claim that is undefined is left out. */
async function sign(claims: Claims, jwk: JWK): Promise<string> {
  const header = { alg: 'RS256', ...(jwk.kid !== undefined && { kid: jwk.kid }) };
  return await new SignJWT(JSON.parse(JSON.stringify(claims)))
    .setProtectedHeader(header)
    .sign(await importJWK(jwk, 'RS256'));
}

function createFor(issuer: string, rules: OidcRule[] = [shopRule], more: Partial<OidcIssuer> = {}) {
  const asked: string[] = [];
  const counted: typeof fetch = async (input, init) => {
    asked.push(new URL(String(input)).pathname);
    return await fetch(input, init);
  };
  const oidc = createOidc({ issuers: [{ issuer, audience: 'sandplane', rules, ...more }] }, { fetch: counted });
  return { oidc, asked };
}

async function refused(t: Tap, oidc: Oidc, token: string, code: ErrorCode): Promise<AppError> {
  const error: unknown = await oidc.verify(token).catch((error: unknown) => error);
  if (!(error instanceof AppError)) throw new Error(`must be refused as ${code}`, { cause: error });
  t.equal(error.code, code);
  t.match(error.faults, [{ pointer: '#header/authorization', detail: error.message }]);
  if (token !== '') t.notOk(error.message.includes(token), 'the token is not told');
  return error;
}

/** Moves the clock that caches go by. */
function moveClock(t: Tap) {
  const now = Date.now;
  let ahead = 0;
  t.intercept(Date, 'now', { value: () => now() + ahead });
  return (seconds: number) => {
    ahead += seconds * 1000;
  };
}

t.test('a token of the provider maps to a project and scopes', async (t) => {
  const provider = await startProvider(t);
  const { oidc } = createFor(provider.url);
  const before = Math.floor(Date.now() / 1000);
  const { expiresAt, ...verified } = await oidc.verify(await provider.token());
  t.same(verified, { subject: 'ci', issuer: provider.url, project: 'shop', scopes: ['read', 'write'] });
  t.ok(expiresAt.getTime() >= (before + 600) * 1000 && expiresAt.getTime() <= Date.now() + 600_000, String(expiresAt));
});

t.test('what is matched', async (t) => {
  const provider = await startProvider(t);
  const projectOf = async (match: Record<string, string>, claims: Claims): Promise<string> => {
    const { oidc } = createFor(provider.url, [{ match, project: 'yes', scopes: ['read'] }]);
    const result = await oidc.verify(await provider.token(claims)).catch((error: unknown) => error);
    return result instanceof AppError ? result.code : (result as { project: string }).project;
  };
  const no = 'token_not_mapped';
  const cases: [string, Record<string, string>, Claims, string][] = [
    ['equal', { team: 'a' }, { team: 'a' }, 'yes'],
    ['a part is not enough', { team: 'a' }, { team: 'ab' }, no],
    ['case counts', { team: 'a' }, { team: 'A' }, no],
    ['a wildcard at the end', { ref: 'refs/heads/*' }, { ref: 'refs/heads/a/b' }, 'yes'],
    ['a wildcard stands for nothing too', { ref: 'refs/heads/*' }, { ref: 'refs/heads/' }, 'yes'],
    ['a wildcard elsewhere', { ref: '*/heads/*-x' }, { ref: 'refs/heads/a-x' }, 'yes'],
    ['what is around a wildcard', { ref: 'refs/heads/*' }, { ref: 'xrefs/heads/a' }, no],
    ['the ends do not overlap', { ref: 'ab*ba' }, { ref: 'aba' }, no],
    ['parts in their order', { ref: '*a*b*' }, { ref: 'ba' }, no],
    ['no regular expression', { ref: 'a.c+' }, { ref: 'abcc' }, no],
    ['a newline is text', { ref: 'a*c' }, { ref: 'a\nc' }, 'yes'],
    ['one of a list', { groups: 'dev-*' }, { groups: ['ops', 'dev-1'] }, 'yes'],
    ['none of a list', { groups: 'dev-*' }, { groups: ['ops'] }, no],
    ['an empty list', { groups: '*' }, { groups: [] }, no],
    ['a number or boolean as text', { level: '3', human: 'false' }, { level: 3, human: false }, 'yes'],
    ['an object', { team: '*' }, { team: { name: 'a' } }, no],
    ['null', { team: '*' }, { team: null }, no],
    ['an absent claim', { team: '*' }, {}, no],
    ['what each object has', { constructor: '*', toString: '*' }, {}, no],
    ['all claims of a rule', { a: '1', b: '2' }, { a: '1', b: '3' }, no],
  ];
  for (const [name, match, claims, expected] of cases) t.equal(await projectOf(match, claims), expected, name);
});

t.test('the first rule that matches counts', async (t) => {
  const provider = await startProvider(t);
  const { oidc } = createFor(provider.url, [
    { match: { repository: 'acme/none' }, project: 'none', scopes: ['admin'] },
    { match: { repository: 'acme/*', team: '*' }, projectFromClaim: 'team', scopes: ['admin'] },
    { match: { repository: 'acme/*' }, project: 'all', scopes: ['read'] },
  ]);
  const team = await oidc.verify(await provider.token({ repository: 'acme/a', team: 'team-a' }));
  t.match(team, { project: 'team-a', scopes: ['admin'] });
  t.match(await oidc.verify(await provider.token({ repository: 'acme/a' })), { project: 'all', scopes: ['read'] });

  await refused(t, oidc, await provider.token({ repository: 'other/a' }), 'token_not_mapped');
  for (const wrong of ['Team A', '../etc', '-a', 'a'.repeat(64), 'a\n', '', 7, ['team-a']]) {
    const token = await provider.token({ repository: 'acme/a', team: wrong });
    // A claim of no text does not match the pattern, or it is no name: no such token gets into a project by its claim.
    const result = await oidc.verify(token).catch((error: unknown) => error);
    t.match(
      result,
      { code: 'token_not_mapped', message: /claim team must be the name of a project/ },
      JSON.stringify(wrong),
    );
  }
});

t.test('each fault of a token has its own code', async (t) => {
  const provider = await startProvider(t);
  const { oidc } = createFor(provider.url);
  const now = Math.floor(Date.now() / 1000);
  const check = async (token: string, code: ErrorCode, text: RegExp) =>
    t.match((await refused(t, oidc, token, code)).message, text);

  await check(await provider.token(shopClaims, 'other'), 'token_audience_mismatch', /get one for sandplane/);
  await check(await provider.sign({ exp: now - 10 }), 'token_expired', /get another/);
  await check(await provider.sign({ nbf: now + 60 }), 'token_not_yet_valid', /clock/);
  await check(await provider.sign({ exp: undefined }), 'token_claims_missing', /claim exp/);
  await check(await provider.sign({ sub: undefined }), 'token_claims_missing', /claim sub/);
  await check(await provider.sign({ sub: '' }), 'token_claims_missing', /claim sub/);
  await check(await provider.sign({ aud: undefined }), 'token_claims_missing', /claim aud/);
  await check(await provider.sign({ iss: undefined }), 'token_claims_missing', /claim iss/);
  await check(await provider.sign({ exp: 'soon' }), 'token_malformed', /claim exp/);
  const clock = Math.floor(Date.now() / 1000);
  t.ok(await oidc.verify(await provider.sign({ exp: clock - 3, nbf: clock + 3 })), 'clocks may differ by 5 s');
  t.ok(
    (await oidc.verify(await provider.sign({ exp: 1e300 }))).expiresAt.getTime() > now * 1000,
    'any number is a time',
  );
});

t.test('a signature is of an allowed algorithm and of a key of the issuer', async (t) => {
  const provider = await startProvider(t);
  const { oidc, asked } = createFor(provider.url);
  const publicKey = createPublicKey({ key: provider.jwk as JsonWebKey, format: 'jwk' });
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const claims = standardClaims(provider.url);
  const confused = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', kid: 'first' })
    .sign(new TextEncoder().encode(publicPem));
  await refused(t, oidc, confused, 'token_algorithm_not_allowed');
  await refused(t, oidc, new UnsecuredJWT(claims).encode(), 'token_algorithm_not_allowed');
  t.same(asked, [], 'for these nobody is asked');

  await refused(t, oidc, await provider.sign({}, await makeKey('first')), 'token_signature_invalid');
  await refused(t, oidc, await provider.sign({}, await makeKey('unknown')), 'token_signature_invalid');
  const [header, , signature] = (await provider.token()).split('.');
  const payload = Buffer.from(JSON.stringify({ ...claims, repository: 'acme/shop' })).toString('base64url');
  await refused(t, oidc, `${header}.${payload}.${signature}`, 'token_signature_invalid');

  const strict = createFor(provider.url, [shopRule], { algorithms: ['ES256'] }).oidc;
  t.match((await refused(t, strict, await provider.token(), 'token_algorithm_not_allowed')).message, 'ES256');
});

t.test('what is no JWT', async (t) => {
  const provider = await startProvider(t);
  const { oidc, asked } = createFor(provider.url);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = part(standardClaims(provider.url));
  const header = part({ alg: 'RS256' });
  const garbage = ['', 'garbage', 'a.b.c', '..', `${header}.${part([1])}.x`, `x.${claims}.x`];
  const odd = [
    `${header}.${claims}`,
    `${header}.${claims}.a.b.c`,
    `${part({ alg: 'RS256', crit: ['x'], x: 1 })}.${claims}.x`,
  ];
  for (const token of [...garbage, ...odd]) await refused(t, oidc, token, 'token_malformed');
  const long = await refused(t, oidc, `${header}.${claims}.${'a'.repeat(16 * 1024)}`, 'token_malformed');
  t.match(long.message, '16384 bytes');
  t.same(asked, [], 'for these nobody is asked');
  await refused(t, oidc, `${header}.${claims}.!`, 'token_malformed');
});

t.test('an issuer that is not configured is not asked', async (t) => {
  const provider = await startProvider(t);
  for (const issuer of ['https://issuer.test', `${provider.url}/`]) {
    const { oidc, asked } = createFor(issuer);
    await refused(t, oidc, await provider.token(), 'token_issuer_unknown');
    t.same(asked, []);
  }
});

t.test('many tokens at once ask the issuer once', async (t) => {
  const provider = await startProvider(t);
  const { oidc, asked } = createFor(provider.url);
  const token = await provider.token();
  await Promise.all(Array.from({ length: 20 }, () => oidc.verify(token)));
  await oidc.verify(token);
  t.same(asked, ['/.well-known/openid-configuration', '/jwks']);
});

t.test('a new key of the issuer counts without a restart', async (t) => {
  const provider = await startProvider(t);
  const { oidc, asked } = createFor(provider.url);
  const clock = moveClock(t);
  const old = await provider.token();
  await oidc.verify(old);

  await provider.close();
  const rotated = await startProvider(t, { key: await makeKey('second'), port: provider.port });
  const token = await rotated.token();
  const looks = () => asked.filter((path) => path === '/jwks').length;
  await refused(t, oidc, token, 'token_signature_invalid');
  t.equal(looks(), 1, 'an unknown key id leads to no look within the cooldown');
  clock(11);
  t.match(await oidc.verify(token), { project: 'shop' });
  t.equal(looks(), 2);
  await refused(t, oidc, old, 'token_signature_invalid');
});

t.test('an issuer that is down, then up', async (t) => {
  const provider = await startProvider(t);
  const { oidc, asked } = createFor(provider.url);
  const clock = moveClock(t);
  const token = await provider.token();
  await provider.close();

  const { retryAfterSeconds, kind } = await refused(t, oidc, token, 'oidc_unavailable');
  t.same({ retryAfterSeconds, http: kind.http }, { retryAfterSeconds: 5, http: 503 });
  await refused(t, oidc, token, 'oidc_unavailable');
  t.equal(asked.length, 1, 'a failure is remembered for a little');
  await startProvider(t, { key: provider.jwk, port: provider.port });
  clock(5);
  t.match(await oidc.verify(token), { project: 'shop' });
});

t.test('known keys count while the issuer is down, whoever sends unknown ones', async (t) => {
  const provider = await startProvider(t);
  const { oidc, asked } = createFor(provider.url);
  const clock = moveClock(t);
  const token = await provider.token();
  await oidc.verify(token);
  await provider.close();
  clock(11);
  const unknown = await provider.sign({}, await makeKey('unknown'));
  for (let i = 0; i < 3; i++) await refused(t, oidc, unknown, 'oidc_unavailable');
  t.equal(asked.length, 3, 'discovery, the keys, and one look that failed');
  t.match(await oidc.verify(token), { project: 'shop' });
});

t.test('a discovery document that must not be believed', async (t) => {
  const provider = await startProvider(t);
  const answers: Record<string, (url: string) => { status?: number; location?: string; body?: unknown }> = {
    'of another issuer': () => ({ body: { issuer: provider.url, jwks_uri: `${provider.url}/jwks` } }),
    'with keys by http from elsewhere': (url) => ({ body: { issuer: url, jwks_uri: 'http://issuer.test/jwks' } }),
    'without keys': (url) => ({ body: { issuer: url } }),
    'a redirect': () => ({ status: 302, location: `${provider.url}/.well-known/openid-configuration` }),
    'an error': () => ({ status: 500 }),
    'no JSON': () => ({}),
    null: () => ({ body: null }),
  };
  for (const [name, answer] of Object.entries(answers)) {
    const server = await listen(t, (url) => (_, response) => {
      const { status = 200, location, body } = answer(url);
      response.writeHead(status, location === undefined ? {} : { location });
      response.end(body === undefined ? 'oh' : JSON.stringify(body));
    });
    const { oidc, asked } = createFor(server.url);
    t.comment(name);
    await refused(t, oidc, await sign(standardClaims(server.url), provider.jwk), 'oidc_unavailable');
    t.same(asked, ['/.well-known/openid-configuration'], name);
  }
});
