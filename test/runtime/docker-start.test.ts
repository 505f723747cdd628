import t from 'tap';
import { asPassing } from '../../src/runtime/docker-client.ts';

t.test('what a daemon could not do just now is tried again, what it refuses is not', async (t) => {
  const busy = Object.assign(new Error('(HTTP code 500) server error - iptables: resource unavailable'), {
    statusCode: 500,
  });
  t.match(asPassing(busy), { code: 'runtime_unavailable', message: /iptables/, cause: busy });
  const refused = Object.assign(new Error('(HTTP code 400) - executable file not found'), { statusCode: 400 });
  t.equal(asPassing(refused), refused);
});
