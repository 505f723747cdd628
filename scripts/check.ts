import { execa } from 'execa';

/** Runs every check of the tree and ends with how many passed. Each is a command that can be typed by itself. */
const checks: Readonly<Record<string, readonly string[]>> = {
  types: ['tsc', '--noEmit'],
  lint: ['biome', 'check', '--error-on-warnings'],
  'dead code': ['knip'],
  'import rules': ['node', 'scripts/check-imports.ts'],
  contracts: ['node', 'scripts/contracts.ts', '--check'],
  documents: ['node', 'scripts/documents.ts', '--check'],
};

let failed = 0;
for (const [name, [command = '', ...args]] of Object.entries(checks)) {
  const { exitCode, all } = await execa(command, args, { all: true, reject: false, preferLocal: true });
  process.stdout.write(`${exitCode === 0 ? 'ok' : 'FAILED'}  ${name}\n${exitCode === 0 ? '' : `${all}\n`}`);
  if (exitCode !== 0) failed += 1;
}
process.stdout.write(`checks: ${Object.keys(checks).length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
