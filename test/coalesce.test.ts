import t from 'tap';
import { coalesce } from '../src/coalesce.ts';

t.test('an answer is shared as long as its question is not sent, and no longer', async (t) => {
  let batch: object | undefined;
  let asked = 0;
  const ask = coalesce(
    async (id) => {
      batch ??= {};
      asked += 1;
      return `${id}${asked}`;
    },
    () => batch,
  );
  t.same(await Promise.all([ask('a'), ask('a'), ask('b')]), ['a1', 'a1', 'b2']);
  batch = undefined;
  t.same(await Promise.all([ask('a'), ask('a')]), ['a3', 'a3'], 'sent: asked anew');
  batch = {};
  t.equal(await ask('a'), 'a4', 'another batch');
  const fill = coalesce(
    async () => {
      batch = {};
      asked += 1;
      return asked;
    },
    () => batch,
  );
  t.same(await Promise.all([fill('a'), fill('a')]), [5, 6], 'sent with a batch that it filled, as the next began');
});

t.test('by default within a turn of the event loop', async (t) => {
  let asked = 0;
  const ask = coalesce(async () => ++asked);
  t.same(await Promise.all([ask(''), ask('')]), [1, 1]);
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(await ask(''), 2);
});
