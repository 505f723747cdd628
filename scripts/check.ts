import { execa } from 'execa';

const openapi = ['openapi/openapi.json', 'openapi/openapi-3.0.json'];
// What the tools would send or fetch.
const env = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };

/**
 * Runs every check of the tree, tells how large it is, and ends with how many checks passed. Each is a command that can be
 * typed by itself.
 */
const checks: Readonly<Record<string, readonly string[]>> = {
  types: ['tsc', '--noEmit'],
  lint: ['biome', 'check', '--error-on-warnings'],
  'dead code': ['knip'],
  'import rules': ['node', 'scripts/check-imports.ts'],
  contracts: ['node', 'scripts/contracts.ts', '--check'],
  'OpenAPI by Spectral': ['spectral', 'lint', '--ruleset=openapi/spectral.yaml', '--fail-severity=hint', ...openapi],
  'OpenAPI by Redocly': ['redocly', 'lint', '--config=openapi/redocly.yaml', ...openapi],
  'gRPC by buf': ['buf', 'lint'],
  'gRPC against REST': ['node', 'scripts/check-rpcs.ts'],
  'breaking changes, gRPC': ['buf', 'breaking', '--against', 'openapi/released'],
  'breaking changes': ['node', 'scripts/breaking-changes.ts'],
  documents: ['node', 'scripts/documents.ts', '--check'],
};

let failed = 0;
for (const [name, [command = '', ...args]] of Object.entries(checks)) {
  const { exitCode, all } = await execa(command, args, { all: true, env, reject: false, preferLocal: true });
  process.stdout.write(`${exitCode === 0 ? 'ok' : 'FAILED'}  ${name}\n${exitCode === 0 ? '' : `${all}\n`}`);
  if (exitCode !== 0) failed += 1;
}
const { all: sizes } = await execa('node', ['scripts/house-sizes.ts'], { all: true, reject: false, preferLocal: true });
process.stdout.write(`sizes\n${sizes}\n`);
process.stdout.write(`checks: ${Object.keys(checks).length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
