import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import type { AppError } from '../../src/errors.ts';
import { createAddressGuard } from '../../src/webhooks/addresses.ts';
import { createNameResolver } from '../../src/webhooks/names.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { temporaryFolder } from '../support/service.ts';
import { until } from '../support/until.ts';

const server = await startDnsServer((name) => {
  if (name.endsWith('.silent.example')) return undefined;
  if (name === 'missing.example') return 'nxdomain';
  return name === 'empty.example' ? [] : ['192.0.2.7', '8.8.8.8'];
});
t.teardown(() => server.close());
const folder = await temporaryFolder();
t.teardown(() => rm(folder, { recursive: true }));
const hostsFile = path.join(folder, 'hosts');
const resolve = createNameResolver({ servers: [server.address], hostsFile });
const never = new AbortController().signal;

t.test('names that nobody answers for do not hold up others, and end when they are called off', async (t) => {
  const guard = createAddressGuard({ allowedRanges: ['192.0.2.0/24'], resolve, lookUpMs: 600_000 });
  const leaving = new AbortController();
  let ended = 0;
  const silent = Array.from({ length: 50 }, async (_one, i) => {
    const error = await guard.resolveChecked(`n${i}.silent.example`, leaving.signal).catch((error: unknown) => error);
    ended += 1;
    return error;
  });
  await until(() => new Set(server.asked.map(({ name }) => name)).size === 50);
  t.same(await guard.resolveChecked('quick.example'), [
    { address: '192.0.2.7', family: 4 },
    { address: '8.8.8.8', family: 4 },
  ]);
  t.equal(ended, 0, 'while these still wait');
  leaving.abort();
  const codes = (await Promise.all(silent)).map((error) => (error as AppError).code);
  t.same(new Set(codes), new Set(['webhook_unresolvable']));
});

t.test('a look-up has a deadline', async (t) => {
  const guard = createAddressGuard({ allowedRanges: [], resolve, lookUpMs: 50 });
  await t.rejects(guard.resolveChecked('late.silent.example'), {
    code: 'webhook_unresolvable',
    message: /late\.silent\.example timed out/,
  });
});

t.test('all addresses of a name are checked', async (t) => {
  const guard = createAddressGuard({ allowedRanges: [], resolve });
  await t.rejects(guard.resolveChecked('quick.example'), { code: 'webhook_address_forbidden' });
  for (const name of ['missing.example', 'empty.example']) {
    await t.rejects(guard.resolveChecked(name), { code: 'webhook_unresolvable' }, name);
  }
});

t.test('the hosts file comes first, as it is now; localhost is never asked for', async (t) => {
  const before = server.asked.length;
  const loopback = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  t.same(await resolve('localhost', never), loopback, 'without a hosts file');
  t.same(await resolve('any.localhost.', never), loopback);
  await writeFile(
    hostsFile,
    '# 10.0.0.1 inside.example\n10.0.0.2\tother  INSIDE.example # a comment\nnonsense inside.example\n',
  );
  t.same(await resolve('inside.example', never), [{ address: '10.0.0.2', family: 4 }]);
  t.same(await resolve('inside.example.', never), [{ address: '10.0.0.2', family: 4 }], 'a final dot says nothing');
  await writeFile(hostsFile, 'fd00::1 inside.example\n10.0.0.3 inside.example\n');
  t.same(await resolve('inside.example', never), [
    { address: 'fd00::1', family: 6 },
    { address: '10.0.0.3', family: 4 },
  ]);
  t.equal(server.asked.length, before);
});
