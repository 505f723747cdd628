import { createServer } from 'node:http';
import t from 'tap';
import type { AppError } from '../../src/errors.ts';
import { createAddressGuard } from '../../src/webhooks/addresses.ts';
import type { ResolvedAddress } from '../../src/webhooks/names.ts';
import { sendOnce } from '../../src/webhooks/send.ts';
import { listenLocally } from '../support/listen-locally.ts';

const forbidden = [
  '127.0.0.1',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  '0.0.0.0',
  '224.0.0.1',
  '255.255.255.255',
  '192.0.2.1',
  '[::1]',
  '[::]',
  '[fd00:ec2::254]',
  '[fe80::1]',
  '[ff02::1]',
  '[::ffff:127.0.0.1]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[2001:0:7f00:1::]',
  '[::ffff:168.63.129.16]',
  '[::168.63.129.16]',
  '[64:ff9b::a83f:8110]',
  '[2002:a83f:8110::]',
];

t.test('public addresses only', async (t) => {
  const guard = createAddressGuard({ allowedRanges: [] });
  for (const address of forbidden) {
    await t.rejects(guard.resolveChecked(address), { code: 'webhook_address_forbidden' }, address);
  }
  t.same(await guard.resolveChecked('8.8.8.8'), [{ address: '8.8.8.8', family: 4 }]);
  t.same(await guard.resolveChecked('[2606:4700::1111]'), [{ address: '2606:4700::1111', family: 6 }]);
  const allowing = createAddressGuard({ allowedRanges: ['10.0.0.0/8', 'fd00::/8'] });
  t.ok(await allowing.resolveChecked('10.2.3.4'));
  t.ok(await allowing.resolveChecked('[fd00::1]'));
  await t.rejects(allowing.resolveChecked('192.168.1.1'), { code: 'webhook_address_forbidden' });
  const onAzure = createAddressGuard({ allowedRanges: ['168.63.129.16/32'] });
  t.ok(await onAzure.resolveChecked('168.63.129.16'));
  t.ok(await onAzure.resolveChecked('[::ffff:168.63.129.16]'));
});

t.test('one bad address spoils a name', async (t) => {
  const mixed: ResolvedAddress[] = [
    { address: '8.8.8.8', family: 4 },
    { address: '127.0.0.1', family: 4 },
  ];
  const guard = createAddressGuard({ allowedRanges: [], resolve: async () => mixed });
  await t.rejects(guard.resolveChecked('mixed.example'), { code: 'webhook_address_forbidden' });
  const none = createAddressGuard({ allowedRanges: [], resolve: async () => [] });
  await t.rejects(none.resolveChecked('none.example'), { code: 'webhook_unresolvable' });
});

t.test('who gives a name is not told the address inside that it has', async (t) => {
  const told: object[] = [];
  const logger = { info: (...entry: object[]) => void told.push(entry) } as never;
  const resolve = async (): Promise<ResolvedAddress[]> => [{ address: '10.3.2.1', family: 4 }];
  const guard = createAddressGuard({ allowedRanges: [], resolve, logger });
  const error = await guard.resolveChecked('vault.corp').catch((error: AppError) => error);
  t.match(error, { code: 'webhook_address_forbidden', message: /vault\.corp .*SANDPLANE_WEBHOOK_ALLOWED_RANGES/ });
  t.notMatch(JSON.stringify([error, (error as AppError).message]), '10.3.2.1');
  t.match(JSON.stringify(told), '10.3.2.1', 'the log of the service is');
  await t.rejects(guard.resolveChecked('10.3.2.1'), { message: /^10\.3\.2\.1 is not a public address/ });
});

t.test('a name that is public first and loopback second is never called on loopback', async (t) => {
  let calls = 0;
  const server = createServer((_request, response) => {
    calls += 1;
    response.end();
  });
  server.on('connection', () => {
    calls += 1;
  });
  const port = await listenLocally(t, server);
  let asked = 0;
  const rebinding = async (): Promise<ResolvedAddress[]> => {
    asked += 1;
    return [{ address: asked === 1 ? '8.8.8.8' : '127.0.0.1', family: 4 }];
  };
  const guard = createAddressGuard({ allowedRanges: [], resolve: rebinding });
  const sending = { url: `http://rebinding.example:${port}/`, headers: {}, body: '{}', timeoutMs: 300 };
  await t.rejects(sendOnce(sending, guard), { code: 'webhook_delivery_failed' }, 'pinned to the public address');
  t.equal(asked, 1, 'what was checked is what is called: nobody asks again');
  await t.rejects(sendOnce(sending, guard), { code: 'webhook_address_forbidden' });
  t.equal(calls, 0);
});

t.test('receivers that do not behave end in time', async (t) => {
  const guard = createAddressGuard({ allowedRanges: ['127.0.0.0/8'] });
  const server = createServer((request, response) => {
    if (request.url === '/hang') return;
    response.writeHead(200);
    const more = () => response.write('x'.repeat(1024));
    if (request.url === '/trickle') setInterval(more, 5).unref();
    else for (let i = 0; i < 10_000; i += 1) more();
  });
  const port = await listenLocally(t, server);
  const send = (path: string, timeoutMs = 10_000) =>
    sendOnce({ url: `http://127.0.0.1:${port}${path}`, headers: {}, body: '{}', timeoutMs }, guard);
  await t.rejects(send('/hang', 400), { code: 'webhook_delivery_failed', message: /timed out after 400 ms/ });
  t.equal((await send('/trickle')).status, 200, 'what it goes on to say is not waited for');
  t.equal((await send('/huge')).status, 200);
});

t.test('why a connection failed is told without the addresses of its ends', async (t) => {
  const guard = createAddressGuard({ allowedRanges: ['255.255.255.255/32'] });
  const sending = { url: 'http://255.255.255.255/', headers: {}, body: '{}', timeoutMs: 1000 };
  const error = await sendOnce(sending, guard).catch((error: AppError) => error);
  t.match(error, { code: 'webhook_delivery_failed', message: /connection failed|timed out/ });
  t.notMatch((error as AppError).message, /\d\.\d/);
});
