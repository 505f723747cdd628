import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { OpenApiDocument } from '../src/http/openapi/document.ts';
import { goTool } from './go-tool.ts';

/**
 * Prints the changes between two OpenAPI documents that would break clients, and exits with 1 if there are any. The two
 * are named as arguments; by default they are openapi/released/openapi.json, the last release, and
 * openapi/openapi.json.
 */
const folder = path.join(import.meta.dirname, '..', 'openapi');
const longestReport = 40;

interface Finding {
  readonly id: string;
  readonly text: string;
  readonly operation?: string;
  readonly path?: string;
}

/** One line for each breaking change. */
export async function breakingChanges(released: string, current: string): Promise<string[]> {
  const oasdiff = await goTool({ module: 'github.com/oasdiff/oasdiff', version: '1.37.0' });
  const levels = path.join(folder, 'severity-levels.txt');
  const args = ['breaking', released, current, '--format', 'json', '--severity-levels', levels];
  // Warnings count too: a change that may break a client does not belong into a minor version.
  const { stdout, exitCode, stderr } = await execa(oasdiff, [...args, '--fail-on', 'WARN'], { reject: false });
  if (exitCode !== 0 && exitCode !== 1) throw new Error(`oasdiff failed: ${stderr || stdout}`);
  const findings = exitCode === 0 ? [] : (JSON.parse(stdout) as Finding[]);
  const lines = findings.map(
    ({ id, text, operation = '', path: where = '' }) => `${operation} ${where}: ${text} [${id}]`,
  );
  return [...lines, ...(await removedCodes(released, current))];
}

/** Removed values of open enumerations, on which clients branch. oasdiff does not check them in responses. */
async function removedCodes(released: string, current: string): Promise<string[]> {
  const [before, now] = await Promise.all([released, current].map(openLists));
  return [...(before ?? [])].flatMap(([where, values]) => {
    const left = now?.get(where);
    // That a whole schema was removed is reported by oasdiff.
    const gone = left ? values.filter((value) => !left.includes(value)) : [];
    return gone.map((value) => `${where}: the value ${value} is gone [extensible-enum-value-removed]`);
  });
}

async function openLists(file: string): Promise<Map<string, readonly string[]>> {
  const { components } = JSON.parse(await readFile(file, 'utf8')) as OpenApiDocument;
  const lists = new Map<string, readonly string[]>();
  for (const [name, { properties = {} }] of Object.entries(components?.schemas ?? {})) {
    for (const [property, schema] of Object.entries(properties)) {
      const values = schema['x-extensible-enum'];
      if (Array.isArray(values)) lists.set(`${name}.${property}`, values as string[]);
    }
  }
  return lists;
}

if (import.meta.main) {
  const [released = path.join(folder, 'released', 'openapi.json'), current = path.join(folder, 'openapi.json')] =
    process.argv.slice(2);
  const lines = await breakingChanges(released, current);
  for (const line of lines.slice(0, longestReport)) process.stderr.write(`${line}\n`);
  if (lines.length > longestReport) process.stderr.write(`and ${lines.length - longestReport} more\n`);
  process.exitCode = lines.length > 0 ? 1 : 0;
}
