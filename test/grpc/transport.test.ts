import type { ClientHttp2Session } from 'node:http2';
import { deflateSync, gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import t from 'tap';
import { until } from '../support/until.ts';
import { ask, call, ended, frame, hello, start } from './raw-calls.ts';

t.setTimeout(60_000);

t.test('a message may come in pieces, and there is one of it', async (t) => {
  const { session } = await start(t);
  const long = frame(Buffer.alloc(3000, 'x'));
  const bytes = Array.from(long, (byte) => Buffer.of(byte));
  t.same((await call(session, '/t/Echo', bytes)).body, long);
  t.same((await call(session, '/t/Echo', [frame(Buffer.of())])).body, frame(Buffer.of()), 'an empty one');
  t.equal((await call(session, '/t/Echo', [])).code, status.UNIMPLEMENTED, 'none');
  t.equal((await call(session, '/t/Echo', [hello.subarray(0, 7)])).code, status.UNIMPLEMENTED, 'a half');
  t.equal((await call(session, '/t/Echo', [hello, hello])).code, status.UNIMPLEMENTED, 'two');
  const head = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
  t.equal((await call(session, '/t/Echo', [head], { open: true })).code, status.RESOURCE_EXHAUSTED, 'not waited for');
  t.equal((await call(session, '/t/None', [hello], { open: true })).code, status.UNIMPLEMENTED, 'no method');
  const json = await call(session, '/t/Echo', [hello], { headers: { 'content-type': 'application/json' } });
  t.equal(json.headers[':status'], 415, 'not gRPC');
});

t.test('messages may be compressed', async (t) => {
  const { session } = await start(t);
  const send = async (encoding: string | null, body: Buffer) =>
    await call(session, '/t/Echo', [frame(body, 1)], { headers: encoding ? { 'grpc-encoding': encoding } : {} });
  const text = Buffer.from('hello');
  t.same((await send('gzip', gzipSync(text))).body, hello);
  t.same((await send('deflate', deflateSync(text))).body, hello);
  t.equal((await send('gzip', gzipSync(Buffer.alloc(10_000_000)))).code, status.RESOURCE_EXHAUSTED, 'a bomb');
  t.equal((await send('gzip', text)).code, status.INTERNAL, 'not compressed');
  t.equal((await send('snappy', text)).code, status.UNIMPLEMENTED, 'by what is not known');
});

t.test('a status arrives as it was meant, with the request id', async (t) => {
  const { session, client } = await start(t);
  t.match(await ask(client, '/t/Fail'), { code: status.ABORTED, details: '100 % – no\n' });
  const failed = await call(session, '/t/Fail', [hello], { headers: { 'x-request-id': 'my-request-1' } });
  t.same([failed.code, failed.headers['x-request-id']], [status.ABORTED, 'my-request-1']);
  t.match((await call(session, '/t/Echo', [hello])).headers['x-request-id'], /^req-/);
});

t.test('headers that are not ASCII are as if they were not there', async (t) => {
  const { session } = await start(t);
  const odd = await call(session, '/t/Echo', [hello], {
    headers: { 'x-request-id': 'my-réquest', authorization: 'é' },
  });
  t.equal(odd.code, status.OK);
  t.match(odd.headers['x-request-id'], /^req-/);
});

t.test('deadlines', async (t) => {
  const { client, session } = await start(t);
  ended.length = 0;
  t.equal((await ask(client, '/t/Never', Date.now() + 100)).code, status.DEADLINE_EXCEEDED);
  const wait = (timeout: string) =>
    call(session, '/t/Never', [hello], { headers: { 'grpc-timeout': timeout, 'x-request-id': `within-${timeout}` } });
  t.match(await wait('50m'), { code: status.DEADLINE_EXCEEDED }, 'also by the server alone');
  t.equal((await wait('50000u')).code, status.DEADLINE_EXCEEDED);
  await until(() => ended.length === 3);
  t.same(ended.splice(0).slice(1), ['within-50m', 'within-50000u'], 'the method is told');
  t.equal((await wait('0S')).code, status.DEADLINE_EXCEEDED);
  t.equal((await wait('soon')).code, status.INTERNAL);
});

t.test('who is behind a trusted proxy', async (t) => {
  const forwarded = { headers: { 'x-forwarded-for': '203.0.113.7, 10.0.0.1' } };
  const { session: trusting } = await start(t, { trustedProxies: ['127.0.0.1/32', '10.0.0.0/8'] });
  const { session: wary } = await start(t);
  const addressOf = async (session: ClientHttp2Session) =>
    (await call(session, '/t/Address', [hello], forwarded)).body.subarray(5).toString();
  t.same([await addressOf(trusting), await addressOf(wary)], ['203.0.113.7', '127.0.0.1']);
});
