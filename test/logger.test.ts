import t from 'tap';
import { createLogger } from '../src/logger.ts';

/** What is logged as `err`. */
function logged(err: unknown): unknown {
  const lines: string[] = [];
  createLogger('info', { write: (line) => void lines.push(line) }).info({ err }, 'failed');
  return (JSON.parse(lines[0] ?? '{}') as { err: unknown }).err;
}

const password = 'of-redis';

t.test('of an error what it carries is not logged, but what it is', async (t) => {
  const command = { name: 'auth', args: [password] };
  const cause = Object.assign(new Error('refused'), { command });
  const error = Object.assign(new Error('no store', { cause }), { command, code: 'WRONGPASS' });
  const one = logged(error);
  t.match(one, { type: 'Error', message: 'no store: refused', code: 'WRONGPASS', stack: /at .*logger\.test/ });
  t.notMatch(JSON.stringify(one), password);
  const several = logged(new AggregateError([error, 'no error'], 'both failed'));
  t.match(several, {
    message: /^both failed/,
    aggregateErrors: [{ code: 'WRONGPASS' }, { message: 'no error' }],
  });
  t.notMatch(JSON.stringify(several), password);
});

t.test('whatever was thrown can be logged', async (t) => {
  t.same(logged('a text'), { message: 'a text' });
  t.same(logged(null), { message: 'null' });
  t.match(logged(new AggregateError([null, undefined])), {
    aggregateErrors: [{ message: 'null' }, { message: 'undefined' }],
  });
});
