import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import { startFakeService } from '../support/fake-service.ts';

t.setTimeout(120_000);

t.test('addresses that are not public are refused', async (t) => {
  const strict = await startFakeService();
  t.teardown(() => strict.close());
  for (const [url, code] of [
    ['https://127.0.0.1/', 'webhook_address_forbidden'],
    ['https://2130706433/', 'webhook_address_forbidden'],
    ['https://0x7f.1/', 'webhook_address_forbidden'],
    ['https://[::1]/', 'webhook_address_forbidden'],
    ['https://[::ffff:10.0.0.1]/', 'webhook_address_forbidden'],
    ['https://169.254.169.254/latest/', 'webhook_address_forbidden'],
    ['https://10.1.2.3/', 'webhook_address_forbidden'],
    ['https://localhost/', 'webhook_address_forbidden'],
    ['https://does-not-exist.invalid/', 'webhook_unresolvable'],
    ['http://8.8.8.8/', 'validation_failed'],
    ['https://user:pass@8.8.8.8/', 'validation_failed'],
    ['ftp://8.8.8.8/', 'validation_failed'],
    ['nonsense', 'validation_failed'],
  ] as const) {
    const { status, body } = await strict.admin.call<Problem>('POST', '/v1/webhooks', { url });
    t.equal(status, 422, url);
    t.match(body, { code, errors: [{ pointer: '/url' }] }, url);
  }
  t.same((await strict.admin.call<{ items: object[] }>('GET', '/v1/webhooks')).body.items, []);
});
