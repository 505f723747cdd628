/** What is read of Schemathesis' JSON report. */
export interface Report {
  readonly name: string;
  readonly exitCode: number;
  /** Links of the document that were followed; null where no chains of requests were asked for. */
  readonly links: { readonly covered: number; readonly selected: number } | null;
  readonly complete: boolean;
  readonly running_time: number;
  readonly operations: { readonly total: number; readonly tested: number };
  readonly test_cases: {
    readonly generated: number;
    readonly unique_failures: number;
    /** Sent, but with nothing to check. */
    readonly without_checks: number;
    readonly errored: number;
  };
  readonly failures: readonly { readonly title: string; readonly count: number }[];
  readonly errors: readonly { readonly title: string; readonly count: number }[];
}

/** What Schemathesis prints of links and writes into no report: "API Links:    21 covered / 123 selected / 123 total". */
export function linksIn(output: string): Report['links'] {
  const [, covered, selected] = /API Links: +(\d+) covered \/ (\d+) selected/.exec(output) ?? [];
  return covered && selected ? { covered: Number(covered), selected: Number(selected) } : null;
}

/** Cases that were run and checked. */
function casesOf({ test_cases: { generated, without_checks, errored } }: Report): number {
  return generated - without_checks - errored;
}

function faultsOf({ failures, errors }: Report): number {
  return [...failures, ...errors].reduce((sum, { count }) => sum + count, 0);
}

export function toldShort(report: Report): Report {
  const { name, running_time: seconds, operations, links } = report;
  const followed = links ? `, ${links.covered} of ${links.selected} links` : '';
  process.stdout.write(
    `\n${name}: ${casesOf(report)} cases of ${operations.tested} of ${operations.total} operations${followed} in ${Math.round(seconds)} s, ${faultsOf(report)} failures\n\n`,
  );
  return report;
}

/** Prints what a seed came to; true when it was enough and nothing was found. */
export function told(seed: string, reports: readonly Report[], least: number, deliveries: number): boolean {
  const cases = reports.reduce((sum, report) => sum + casesOf(report), 0);
  const faults = reports.reduce((sum, report) => sum + faultsOf(report), 0);
  const isComplete = reports.every(({ exitCode, complete }) => exitCode === 0 && complete);
  process.stdout.write(`fuzz: seed ${seed}: ${cases} cases, ${faults} failures (${deliveries} webhooks delivered)\n`);
  if (cases < least) process.stdout.write(`fuzz: seed ${seed}: at least ${least} cases were asked for\n`);
  if (!isComplete) process.stdout.write(`fuzz: seed ${seed}: a run failed or was not complete\n`);
  return isComplete && faults === 0 && cases >= least;
}
