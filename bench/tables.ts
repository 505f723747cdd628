import { aligned } from './aligned.ts';
import { atOnce, type EightResult } from './eight.ts';
import type { IdleResult } from './idle.ts';
import { machineLine } from './machine.ts';
import type { Results } from './results.ts';
import { ratio, spread } from './statistics.ts';

/** The results as plain text. */
export function tables(results: Results): string {
  const { machine } = results;
  const blocks = [
    machineLine(machine),
    starts(results),
    cpu(results),
    ratios(results),
    ...results.kinds.map(parts),
    results.eight ? eight(results.eight) : '',
    results.idle ? idle(results.idle) : '',
    targets(results),
  ];
  return `${blocks.filter(Boolean).join('\n\n')}\n`;
}

function starts({ kinds }: Results): string {
  if (kinds.length === 0) return '';
  const rows = kinds.map(({ letter, name, ms, cpuSeconds }) => [
    `${letter}  ${name}`,
    String(ms.n),
    seconds(ms.median),
    seconds(ms.min),
    seconds(ms.max),
    cpuSeconds.median.toFixed(2),
  ]);
  return aligned([['From nothing to a first write', 'n', 'median s', 'min s', 'max s', 'CPU s'], ...rows]);
}

function cpu({ kinds }: Results): string {
  const names = [...new Set(kinds.flatMap(({ cpuSecondsOf }) => Object.keys(cpuSecondsOf)))];
  const rows = kinds.map(({ letter, name, cpuSecondsOf }) => [
    `${letter}  ${name}`,
    ...names.map((one) => cpuSecondsOf[one]?.toFixed(2) ?? ''),
  ]);
  return rows.length === 0 ? '' : aligned([['CPU s until then, medians', ...names], ...rows]);
}

function ratios(results: Results): string {
  const rows = Object.entries(results.ratios).map(([name, { ofMedians, paired }]) => [
    name,
    ofMedians.toFixed(2),
    paired.toFixed(2),
  ]);
  return rows.length === 0 ? '' : aligned([['Ratio', 'of medians', 'median of rounds'], ...rows]);
}

function parts({ letter, name, parts }: Results['kinds'][number]): string {
  const rows = Object.entries(parts).map(([part, ms]) => [part, ms.toFixed(0)]);
  return rows.length === 0 ? '' : aligned([[`Parts of ${letter}, ${name}`, 'median ms'], ...rows]);
}

function eight({ restMs, byHandMs }: EightResult): string {
  const row = (name: string, times: number[]) => {
    const { n, median, min, max } = spread(times);
    return [name, String(n), seconds(median), seconds(min), seconds(max)];
  };
  const found = ratio(restMs, byHandMs);
  return aligned([
    [`${atOnce} at once, until the last is ready`, 'n', 'median s', 'min s', 'max s'],
    row(`${atOnce} creates through REST`, restMs),
    row(`${atOnce} template starts by hand, as many at a time as cores`, byHandMs),
    ['ratio of medians; median of rounds', '', found.ofMedians.toFixed(2), found.paired.toFixed(2), ''],
  ]);
}

function idle(result: IdleResult): string {
  const { sandboxes, memoryBefore, memoryWithSandboxes, memoryOfSandbox, cpuPercent } = result;
  const mb = (value: number | undefined) => (value === undefined ? '' : value.toFixed(0));
  const services = Object.entries(memoryWithSandboxes).map(([name, { rssMb, pssMb }]) => [
    name,
    mb(memoryBefore[name]?.rssMb),
    mb(rssMb),
    mb(pssMb),
    (cpuPercent[name] ?? 0).toFixed(2),
  ]);
  const each = Object.entries(memoryOfSandbox).map(([name, { rssMb, pssMb }]) => [
    `${name}, each`,
    '',
    mb(rssMb),
    mb(pssMb),
    (cpuPercent[`${name}, each`] ?? 0).toFixed(2),
  ]);
  const head = [`Idle over ${result.seconds} s`, 'MB RSS when up', `MB RSS with ${sandboxes}`, 'MB PSS', '% of a core'];
  return aligned([head, ...services, ...each]);
}

function targets({ targets }: Results): string {
  const rows = targets.map(({ name, measured, atMost, isMet }) => [
    name,
    measured.toFixed(2),
    String(atMost),
    isMet ? 'met' : 'MISSED',
  ]);
  return rows.length === 0 ? '' : aligned([['Target', 'measured', 'at most', ''], ...rows]);
}

const seconds = (ms: number) => (ms / 1000).toFixed(2);
