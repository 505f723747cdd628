import t from 'tap';
import { matchesLabels, parseSelectors } from '../../src/sandbox/selector.ts';

const labels = { env: 'prod', 'example.com/tier': 'web', empty: '' };

t.test('selectors mean what they mean in Kubernetes', async (t) => {
  for (const [selector, expected] of [
    ['env=prod', true],
    ['env==prod', true],
    ['env = prod', true],
    ['env=dev', false],
    ['env!=dev', true],
    ['absent!=dev', true],
    ['env in (dev, prod)', true],
    ['env in (dev)', false],
    ['env notin (dev)', true],
    ['absent notin (dev)', true],
    ['env notin (prod,dev)', false],
    ['env', true],
    ['absent', false],
    ['!absent', true],
    ['!env', false],
    ['empty=', true],
    ['empty in ()', true],
    ['example.com/tier=web', true],
    ['env=prod,example.com/tier in (web,db),!old', true],
    ['env=prod,old', false],
  ] as const) {
    t.equal(matchesLabels(labels, parseSelectors([selector])), expected, selector);
  }
  t.ok(matchesLabels(labels, []), 'none matches all');
  t.same(parseSelectors(['', ' ']), [], 'and so does an empty one');
  t.notOk(matchesLabels(labels, parseSelectors(['env=prod', 'old'])), 'several must all hold');
  t.notOk(matchesLabels({}, parseSelectors(['constructor'])), 'only own labels count');
});

t.test('what is none is refused with what it is', async (t) => {
  for (const selector of [
    'a b',
    'a=b=c',
    'a in b',
    'a in (b',
    '=b',
    'a,,b',
    'a=b c',
    'in (a)',
    `${'x'.repeat(64)}=a`,
  ]) {
    t.throws(() => parseSelectors([selector]), { code: 'invalid_selector' }, `"${selector}"`);
  }
  const many = Array.from({ length: 33 }, (_, i) => `l${i}`).join(',');
  t.throws(() => parseSelectors([many]), { code: 'invalid_selector' });
});
