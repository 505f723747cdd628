import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { AppError } from '../../src/errors.ts';
import { readOidcSettings } from '../../src/tenancy/oidc-settings.ts';

const rule = { match: { repository: 'acme/shop' }, project: 'shop', scopes: ['read'] };
const issuer = { issuer: 'https://issuer.test', audience: 'sandplane', rules: [rule] };

type Tap = Pick<Test, 'testdir'>;

async function read(t: Tap, content: unknown) {
  const file = path.join(t.testdir(), 'oidc.yaml');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return await readOidcSettings(file);
}

async function faultsOf(t: Tap, content: unknown): Promise<AppError> {
  const error: unknown = await read(t, content).catch((error: unknown) => error);
  if (error instanceof AppError && error.code === 'config_invalid') return error;
  throw new Error('must be refused as config_invalid', { cause: error });
}

t.test('YAML and JSON are read', async (t) => {
  const yaml = `
issuers:
  - issuer: https://issuer.test
    audience: sandplane
    rules:
      - match: { repository: acme/shop }
        project: shop
        scopes: [read]
`;
  t.same(await read(t, yaml), { issuers: [issuer] });
  t.same(await read(t, { issuers: [issuer] }), { issuers: [issuer] });
});

t.test('every fault is told at once, by its path', async (t) => {
  const error = await faultsOf(t, {
    issuers: [
      { ...issuer, issuer: 'http://issuer.test', audience: [], algorithms: ['HS256', 'none', 'RS256'] },
      { issuer: 'https://two.test', rules: [], colour: 'red' },
      { ...issuer, issuer: 'https://two.test', audience: 3 },
      { ...issuer, rules: [{ ...rule, match: {}, scopes: [] }] },
      { ...issuer, issuer: 'https://three.test', rules: [{ ...rule, projectFromClaim: 'team' }] },
      {
        ...issuer,
        issuer: 'https://four.test',
        rules: [
          { match: { a: 'b' }, scopes: ['root'] },
          { ...rule, project: 'A b' },
        ],
      },
    ],
    extra: true,
  });
  const expected = [
    '/extra',
    '/issuers/0/algorithms/0',
    '/issuers/0/algorithms/1',
    '/issuers/0/audience',
    '/issuers/0/issuer',
    '/issuers/1/audience',
    '/issuers/1/colour',
    '/issuers/1/rules',
    '/issuers/2/audience',
    '/issuers/2/issuer',
    '/issuers/3/rules/0/match',
    '/issuers/3/rules/0/scopes',
    '/issuers/4/rules/0',
    '/issuers/5/rules/0/scopes/0',
    '/issuers/5/rules/1/project',
  ];
  t.same([...new Set(error.faults.map(({ pointer }) => pointer))].sort(), expected);
  for (const pointer of expected) t.ok(error.message.includes(`  ${pointer} `), `${pointer} is in the message`);
  t.match(error.message, '/issuers/2/issuer is there twice');
  t.match(error.message, 'must be one of read, write, admin');
});

t.test('a rule needs one of project and projectFromClaim', async (t) => {
  const error = await faultsOf(t, { issuers: [{ ...issuer, rules: [{ match: { a: 'b' }, scopes: ['read'] }] }] });
  t.match(error.faults, [{ pointer: '/issuers/0/rules/0', detail: 'must have either project or projectFromClaim' }]);
});

t.test('an issuer is https, or http on a loopback host', async (t) => {
  for (const url of ['http://127.0.0.1:4000', 'http://localhost', 'http://[::1]:4000/realms/a', 'https://a.test/']) {
    t.ok(await read(t, { issuers: [{ ...issuer, issuer: url }] }), url);
  }
  const wrong = [
    'http://localhost.evil.test',
    'http://127.0.0.1.evil.test',
    'ftp://a.test',
    'a.test',
    'https://u:p@a.test',
  ];
  for (const url of [...wrong, 'https://a.test?x=1', 'https://a.test#x']) {
    const { faults } = await faultsOf(t, { issuers: [{ ...issuer, issuer: url }] });
    t.match(faults, [{ pointer: '/issuers/0/issuer', detail: /https:\/\// }], url);
  }
});

t.test('a file that is missing, empty or not YAML', async (t) => {
  const missing = path.join(t.testdir(), 'none.yaml');
  await t.rejects(readOidcSettings(missing), {
    code: 'config_invalid',
    message: /none\.yaml cannot be read \(ENOENT\)/,
  });
  t.match((await faultsOf(t, '')).message, 'must be object');
  t.match((await faultsOf(t, 'issuers: [')).message, 'are not YAML or JSON');
  t.match((await faultsOf(t, 'issuers: []')).faults, [{ pointer: '/issuers' }]);
});
