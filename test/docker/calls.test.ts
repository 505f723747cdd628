import t from 'tap';
import { inItsWords } from '../../src/docker/calls.ts';

t.test('what a daemon could not do just now is tried again, what it refuses is told in its words', async (t) => {
  const busy = Object.assign(new Error('(HTTP code 500) server error - iptables: resource unavailable '), {
    statusCode: 500,
  });
  t.match(inItsWords(busy), {
    code: 'runtime_unavailable',
    message: /^Docker: iptables: resource unavailable$/,
    cause: busy,
  });
  const refused = Object.assign(new Error('(HTTP code 400) unexpected - ...'), {
    statusCode: 400,
    json: { message: 'executable file not found' },
  });
  t.match(inItsWords(refused), { code: 'runtime_refused', message: 'Docker: executable file not found' });
});
