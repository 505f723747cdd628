import { readdir, readFile } from 'node:fs/promises';
import t from 'tap';

/** As `file`: "name of the test", where `...` stands for what differs from one test to the next. */
const named = /`([\w/.-]+)`: "([^"]+)"/g;

t.test('every test that docs/promises.md names is there', async (t) => {
  const all = [...(await readFile('docs/promises.md', 'utf8')).matchAll(named)];
  t.ok(all.length > 0);
  for (const [, file = '', name = ''] of all) {
    const source = await readFile(`test/${file.endsWith('.ts') ? file : `${file}.test.ts`}`, 'utf8');
    t.ok(source.includes(name.replaceAll('...', '').trim()), `${file}: ${name}`);
  }
});

t.test('every fault that it names is drawn by the nemesis', async (t) => {
  const shown = [...(await readFile('docs/promises.md', 'utf8')).matchAll(/nemesis: ((?:`[\w-]+`(?:, )?)+)/g)];
  const faults = shown.flatMap(([, names = '']) => [...names.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name));
  t.ok(faults.length > 0);
  const files = (await readdir('test/nemesis')).map((name) => readFile(`test/nemesis/${name}`, 'utf8'));
  const sources = (await Promise.all(files)).join('\n');
  for (const name of faults) t.match(sources, new RegExp(`'?\\b${name}'?: \\[`), name);
});
