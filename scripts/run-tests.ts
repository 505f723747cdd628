import { execa } from 'execa';
import { Parser } from 'tap-parser';

/**
 * Runs the tests as `tap run` does, with the arguments passed on, and each file that failed once more, by itself. A file
 * that passes then is told as flaky and counts as passed; one that fails again fails the run. Ends with a line that counts
 * the assertions: those of the second run where there was one, else those of the first.
 */
interface Result {
  readonly isOk: boolean;
  readonly passed: number;
  readonly failed: number;
}

const args = process.argv.slice(2);
const expected = (await tap('list', args)).stdout.split('\n').filter(Boolean);
const { output, exitCode } = await run(args);
const results = read(output);
// Of a run that was cut off nothing can be told: tap writes this line when it has ended by itself.
const hasEnded = /^# \{ total: /m.test(output);

const again = hasEnded ? expected.filter((file) => !results.get(file)?.isOk) : [];
const flaky: string[] = [];
for (const file of again) {
  const second = await runAgain(file);
  // Next to a file that ran out of time, tap loses what came of others: that is no fault of theirs.
  if (results.has(file) && second.isOk) flaky.push(file);
  results.set(file, second);
}
for (const file of flaky) process.stdout.write(`FLAKY: ${file}\n`);

const counted = expected.flatMap((file) => results.get(file) ?? []);
const passed = counted.reduce((sum, result) => sum + result.passed, 0);
let failed = counted.reduce((sum, result) => sum + result.failed, 0);
const allPassed = expected.length > 0 && expected.every((file) => results.get(file)?.isOk);
// tap may also fail for what is of no file.
const isExplained = exitCode === 0 || again.length > 0;
if (!hasEnded || !allPassed || !isExplained) failed = Math.max(failed, 1);
if (!hasEnded) process.stdout.write(`the tests broke off: ${counted.length} of ${expected.length} files have ended\n`);
process.stdout.write(`tests: ${passed} passed, ${failed} failed${flaky.length > 0 ? `, ${flaky.length} flaky` : ''}\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** The second run of a file, with the same options. */
async function runAgain(file: string): Promise<Result> {
  process.stdout.write(`\n${file} did not pass and is run once more, by itself\n`);
  const { output, exitCode } = await run([...args.filter((argument) => argument.startsWith('-')), file]);
  const { passed = 0, failed = 0 } = read(output).get(file) ?? {};
  const isOk = exitCode === 0 && failed === 0;
  // A file may fail by its exit code alone: that is one failure.
  return { isOk, passed, failed: isOk ? 0 : Math.max(failed, 1) };
}

/** Runs tests, and shows what they print while it comes. */
async function run(args: readonly string[]) {
  const { stdout, exitCode } = await tap('run', ['--reporter=tap', ...args], 'inherit');
  return { output: stdout, exitCode };
}

async function tap(command: string, args: readonly string[], ...alsoTo: 'inherit'[]) {
  const { stdout, exitCode } = await execa('tap', [command, ...args], {
    preferLocal: true,
    reject: false,
    stdin: 'ignore',
    stdout: ['pipe', ...alsoTo],
    stderr: 'inherit',
  });
  return { stdout, exitCode };
}

/** What came of each file, from what `tap run` printed. */
function read(output: string): Map<string, Result> {
  const results = new Map<string, Result>();
  let counts = { passed: 0, failed: 0 };
  const parser = new Parser();
  parser.on('child', (file: Parser) => {
    counts = countAssertions(file);
  });
  parser.on('assert', ({ name, ok }) => {
    results.set(name, { isOk: ok, ...counts });
    // A file may have no assertions.
    counts = { passed: 0, failed: 0 };
  });
  parser.end(output);
  return results;
}

/** Counts as tap does: the line that closes a subtest says nothing new, and what is skipped has neither passed nor failed. */
function countAssertions(parser: Parser, counts = { passed: 0, failed: 0 }) {
  let closesSubtest = false;
  parser.on('child', (subtest: Parser) => {
    closesSubtest = true;
    countAssertions(subtest, counts);
  });
  parser.on('assert', ({ ok, skip, todo }) => {
    if (!closesSubtest && !skip && !todo) counts[ok ? 'passed' : 'failed'] += 1;
    closesSubtest = false;
  });
  return counts;
}
