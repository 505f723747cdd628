import t from 'tap';
import {
  createFor,
  listen,
  makeKey,
  moveClock,
  refused,
  sign,
  standardClaims,
  startProvider,
} from './oidc-provider.ts';

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
