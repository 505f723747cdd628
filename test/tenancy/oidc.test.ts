import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import t from 'tap';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import {
  type Claims,
  createFor,
  makeKey,
  refused,
  shopClaims,
  shopRule,
  standardClaims,
  startProvider,
} from './oidc-provider.ts';

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
