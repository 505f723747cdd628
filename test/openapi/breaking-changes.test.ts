import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { breakingChanges } from '../../scripts/breaking-changes.ts';
import { readDocument } from '../support/openapi-document.ts';

/** That the check against the last release finds what would break a client, and nothing else. */
const { exitCode } = await execa('go', ['version'], { reject: false });
const skip = exitCode === 0 ? false : 'Go is missing, which builds oasdiff';

type Part = Record<string, unknown>;

/** A part of the document, to be changed in place. */
type At = (...steps: string[]) => Part;

const changes: { what: string; change: (at: At) => void; found: RegExp | null }[] = [
  { what: 'nothing', change: () => {}, found: null },
  {
    what: 'another field in an answer',
    change: (at) =>
      Object.assign(at('components', 'schemas', 'SandboxStatus', 'properties'), { zone: { type: 'string' } }),
    found: null,
  },
  {
    what: 'another code',
    change: (at) => codesOf(at).push('new_code'),
    found: null,
  },
  {
    what: 'a field that is gone from an answer',
    change: (at) => {
      delete at('components', 'schemas', 'ProjectUsed', 'properties').diskMiB;
      Object.assign(at('components', 'schemas', 'ProjectUsed'), { required: ['sandboxes', 'awake', 'memoryMiB'] });
    },
    found: /removed the required property .*used\/diskMiB.*\[response-required-property-removed\]/,
  },
  {
    what: 'a field that need not be there, gone from an answer',
    change: (at) => delete at('components', 'schemas', 'ReachedLimit', 'properties').used,
    found: /removed the optional property `limit\/used`.*\[response-optional-property-removed\]/,
  },
  {
    what: 'a new parameter that is needed',
    change: (at) => {
      const { parameters } = at('paths', '/v1/sandboxes', 'get') as { parameters: Part[] };
      parameters.push({ name: 'zone', in: 'query', required: true, schema: { type: 'string' } });
    },
    found: /GET \/v1\/sandboxes: added the new required `query` request parameter `zone`/,
  },
  {
    what: 'a field of a body that becomes needed',
    change: (at) => Object.assign(at('components', 'schemas', 'SandboxCreate'), { required: ['name'] }),
    found: /POST \/v1\/sandboxes: the request property `name` became required/,
  },
  {
    what: 'a success that is gone',
    change: (at) => delete at('paths', '/v1/sandboxes', 'post', 'responses')[201],
    found: /POST \/v1\/sandboxes: removed the success response with the status `201`/,
  },
  {
    what: 'a problem that is gone',
    change: (at) => delete at('paths', '/v1/sandboxes', 'post', 'responses')[409],
    found: /POST \/v1\/sandboxes: removed the non-success response with the status `409`/,
  },
  {
    what: 'an operation that is gone',
    change: (at) => delete at('paths')['/v1/usage'],
    found: /GET \/v1\/usage: API path removed/,
  },
  {
    what: 'another name of an operation',
    change: (at) => Object.assign(at('paths', '/v1/usage', 'get'), { operationId: 'readUsage' }),
    found: /operation-id-removed/,
  },
  {
    what: 'a code that is gone',
    change: (at) => codesOf(at).shift(),
    found: /Problem\.code: the value validation_failed is gone/,
  },
];

function codesOf(at: At): string[] {
  return at('components', 'schemas', 'Problem', 'properties', 'code')['x-extensible-enum'] as string[];
}

t.test('against the document of today', { skip }, async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sandplane-openapi-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const released = path.join(folder, 'released.json');
  await writeFile(released, JSON.stringify(await readDocument('openapi.json')));
  for (const { what, change, found } of changes) {
    const document: unknown = await readDocument('openapi.json');
    change((...steps) => steps.reduce((part, step) => part[step] as Part, document as Part));
    const changed = path.join(folder, 'changed.json');
    await writeFile(changed, JSON.stringify(document));
    const lines = await breakingChanges(released, changed);
    if (found) t.match(lines.join('\n'), found, what);
    else t.same(lines, [], what);
  }
});
