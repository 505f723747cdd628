import t from 'tap';
import { startFakeService } from '../support/fake-service.ts';
import { readDocument } from '../support/openapi-document.ts';

const service = await startFakeService();
t.teardown(() => service.close());

for (const name of ['openapi.json', 'openapi-3.0.json']) {
  t.test(`/${name} is the committed one, and is asked for again in vain`, async (t) => {
    const get = (headers: Record<string, string> = {}) =>
      fetch(`${service.url()}/${name}`, { headers: { 'accept-encoding': 'identity', ...headers } });
    const plain = await get();
    t.equal(plain.status, 200, 'without a key');
    const etag = plain.headers.get('etag') ?? '';
    t.match(etag, /^"[\w-]{43}"$/, 'strong');
    t.match(Object.fromEntries(plain.headers), { 'cache-control': 'no-cache', vary: 'accept-encoding' });
    t.same(await plain.json(), await readDocument(name));

    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await get({ 'if-none-match': known });
      t.same([again.status, again.headers.get('etag'), await again.text()], [304, etag, ''], known);
    }
    t.equal((await get({ 'if-none-match': '"other"' })).status, 200);

    const gzip = await get({ 'accept-encoding': 'gzip, br' });
    t.equal(gzip.headers.get('content-encoding'), 'gzip');
    t.not(gzip.headers.get('etag'), etag, 'other bytes, another tag');
    t.same(await gzip.json(), await readDocument(name));
    t.equal((await get({ 'accept-encoding': 'gzip;q=0' })).headers.get('content-encoding'), null);
  });
}
