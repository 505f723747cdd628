import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { OpenApiDocument } from '../src/http/openapi/document.ts';
import { goTool } from './go-tool.ts';

/**
 * Tells what in an OpenAPI document would break clients of another: by default in openapi/openapi.json clients of the
 * last release, openapi/released/openapi.json. Ends with 1 if there is any. Two files can be named instead.
 */
const folder = path.join(import.meta.dirname, '..', 'openapi');
const longestReport = 40;

interface Finding {
  readonly id: string;
  readonly text: string;
  readonly operation?: string;
  readonly path?: string;
}

/** A line for each change that breaks, none if there is none. */
export async function breakingChanges(released: string, current: string): Promise<string[]> {
  const oasdiff = await goTool({ module: 'github.com/oasdiff/oasdiff', version: '1.37.0' });
  const levels = path.join(folder, 'severity-levels.txt');
  const args = ['breaking', released, current, '--format', 'json', '--severity-levels', levels];
  // Warnings too: what may break a client is not for a minor version.
  const { stdout, exitCode, stderr } = await execa(oasdiff, [...args, '--fail-on', 'WARN'], { reject: false });
  if (exitCode !== 0 && exitCode !== 1) throw new Error(`oasdiff failed: ${stderr || stdout}`);
  const findings = exitCode === 0 ? [] : (JSON.parse(stdout) as Finding[]);
  const lines = findings.map(
    ({ id, text, operation = '', path: where = '' }) => `${operation} ${where}: ${text} [${id}]`,
  );
  return [...lines, ...(await removedCodes(released, current))];
}

/** The values that clients branch on, and that may only become more: oasdiff does not look at them in answers. */
async function removedCodes(released: string, current: string): Promise<string[]> {
  const [before, now] = await Promise.all([released, current].map(openLists));
  return [...(before ?? [])].flatMap(([where, values]) => {
    const left = now?.get(where);
    // A schema that is gone as a whole is told already.
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
