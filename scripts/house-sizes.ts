import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from '@swc/core';
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser';
import { importRules } from './import-rules.ts';

/** Prints the size of what a newcomer meets: information that fails nothing, told beside the checks. */
const root = path.resolve(import.meta.dirname, '..');
const folders = ['src', 'routes', 'workers'];

/** What swc's parser calls a function with a body. */
const functionTypes = [
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'PrivateMethod',
  'Constructor',
  'MethodProperty',
];

/** Where a piece of text begins and ends: in bytes, the first of which is 1. */
interface Span {
  readonly start: number;
  readonly end: number;
}

interface Measured {
  readonly name: string;
  readonly file: string;
  readonly lines: number;
}

const files = await Promise.all((await sourceFiles()).map(read));
const functions = (await Promise.all(files.map(functionsIn))).flat();
const longestFile = longest(files.map(({ file, text }) => ({ name: file, file, lines: linesOf(text) })));
const longestFunction = longest(functions);
const inRoot = files.filter(({ file }) => path.dirname(file) === 'src');
const embeddedLua = files.map(({ file, text }) => ({ file, count: luaIn(text) })).filter(({ count }) => count > 0);
const circles = await importCircles();

const told: readonly (readonly [string, string])[] = [
  ['files in src/ itself', `${inRoot.length}`],
  ['longest function', `${longestFunction.name}, ${longestFunction.file}: ${longestFunction.lines} lines`],
  ['functions over 60 lines', `${functions.filter(({ lines }) => lines > 60).length}`],
  ['longest file', `${longestFile.file}: ${longestFile.lines} lines`],
  ['import circles, of types too', [`${circles.length}`, ...circles].join('\n    ')],
  ['Lua outside .lua files', `${sum(embeddedLua.map(({ count }) => count))} scripts in ${embeddedLua.length} files`],
  [`.ts in ${folders.join(', ')}`, `${sum(files.map(({ text }) => linesOf(text)))} lines in ${files.length} files`],
];
for (const [what, size] of told) process.stdout.write(`  ${what}: ${size}\n`);

async function sourceFiles(): Promise<string[]> {
  const lists = folders.map(async (folder) => {
    const names = await readdir(path.join(root, folder), { recursive: true });
    return names.filter((name) => name.endsWith('.ts')).map((name) => path.join(folder, name));
  });
  return (await Promise.all(lists)).flat().sort();
}

async function read(file: string) {
  return { file, text: await readFile(path.join(root, file), 'utf8') };
}

/** The functions with a body of a file: declarations, methods and what is written as an expression or an arrow. */
async function functionsIn({ file, text }: { file: string; text: string }): Promise<Measured[]> {
  const bytes = Buffer.from(text);
  const found: Measured[] = [];
  visit(await parse(text, { syntax: 'typescript' }), '(no name)', (name, { start, end }) => {
    found.push({ name, file, lines: bytes.toString('utf8', start - 1, end - 1).split('\n').length });
  });
  return found;
}

/** Calls `found` for each function under a node of swc's tree; one without a name of its own gets that of what holds it. */
function visit(node: unknown, holder: string, found: (name: string, span: Span) => void): void {
  if (Array.isArray(node)) for (const each of node) visit(each, holder, found);
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
  const { type, span, identifier, id, key } = node as Record<string, unknown>;
  const name = nameOf(identifier) ?? nameOf(id) ?? nameOf(key) ?? holder;
  if (functionTypes.includes(String(type)) && span) found(name, span as Span);
  for (const child of Object.values(node)) visit(child, name, found);
}

function nameOf(node: unknown): string | null {
  const value = (node as { value?: unknown } | null | undefined)?.value;
  return typeof value === 'string' ? value : null;
}

/** Scripts for Redis in TypeScript: text in backquotes that calls Redis or declares a local, as only Lua does. */
function luaIn(text: string): number {
  return [...text.matchAll(/`[^`]*`/g)].filter(([literal]) => /\bredis\.p?call\(|^\s*local [\w, ]+ =/m.test(literal))
    .length;
}

/** Each circle once, from wherever it was seen first. */
async function importCircles(): Promise<string[]> {
  const rule = { name: 'circle', severity: 'info', from: {}, to: { circular: true } };
  const { output } = await cruise(folders, { ...importRules, ruleSet: { forbidden: [rule] } } as ICruiseOptions);
  const seen = new Map<string, string>();
  for (const { from, cycle = [] } of (output as ICruiseResult).summary.violations) {
    const members = cycle.map(({ name }) => name);
    const key = [...members].sort().join();
    if (!seen.has(key)) seen.set(key, [from, ...members].join(' -> '));
  }
  return [...seen.values()];
}

function linesOf(text: string): number {
  return text.split('\n').length - 1;
}

function longest(measured: readonly Measured[]): Measured {
  return measured.reduce((most, each) => (each.lines > most.lines ? each : most));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
