import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser';
import { importRules } from './import-rules.ts';

/** Holds the imports against the rules; that it saw any module at all is checked too, as it says nothing when not. */
const folders = ['src', 'routes', 'workers', 'bench', 'scripts', 'test'];
const { output } = await cruise(folders, importRules as ICruiseOptions);
const { modules, summary } = output as ICruiseResult;
for (const { rule, from, to } of summary.violations) process.stderr.write(`${rule.name}: ${from} -> ${to}\n`);
const own = modules.filter(({ source }) => source.endsWith('.ts')).length;
const imports = modules.reduce((sum, { dependencies }) => sum + dependencies.length, 0);
if (own < 50 || imports < 200) process.stderr.write(`only ${own} modules and ${imports} imports were seen\n`);
process.exitCode = summary.violations.length === 0 && own >= 50 && imports >= 200 ? 0 : 1;
