import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describeSettings } from '../src/config/settings.ts';
import { errorTable } from '../src/errors.ts';

/**
 * Writes the tables that come from the code into the documents. With `--check` it writes nothing and exits with 1 when
 * a document is not up to date.
 */
const root = path.join(import.meta.dirname, '..');
const check = process.argv.includes('--check');

const row = (...cells: string[]) => `| ${cells.join(' | ')} |`;

function settingsTable(): string {
  const rows = describeSettings().map(({ name, default: fallback, description }) =>
    // The defaults of these two differ from machine to machine.
    row(
      name,
      name.endsWith('WORKER_NAME') ? 'the host name' : name.endsWith('CONCURRENCY') ? 'the cores' : fallback,
      description,
    ),
  );
  return [row('name', 'default', 'meaning'), '|---|---|---|', ...rows].join('\n');
}

function errorsPage(): string {
  const rows = Object.entries(errorTable).map(([code, { http, grpc, retryable, title }]) =>
    row(`\`${code}\``, String(http), grpc, retryable ? 'yes' : 'no', title),
  );
  return `# Errors

Every answer that is not a success is an RFC 9457 problem (\`application/problem+json\`): \`code\` is stable, \`detail\` says
what happened and what to do, \`errors\` points to each faulty field, \`requestId\` names the request in the log. The codes
of a sandbox that failed are in its \`status.failure\`. *Again* means that the same request may succeed later. Over gRPC the
code is the \`reason\` of \`google.rpc.ErrorInfo\`, in capitals. A path with a slash at its end, or two in a row, is none of the
API's: 404, with what is right in its \`detail\`.

${[row('code', 'HTTP', 'gRPC', 'again', 'meaning'), '|---|---|---|---|---|', ...rows].join('\n')}
`;
}

const readme = await readFile(path.join(root, 'README.md'), 'utf8');
const between = /(<!-- settings -->\n)[\s\S]*?(<!-- \/settings -->)/;
const documents = {
  'README.md': readme.replace(between, (_all, begin, end) => `${begin}${settingsTable()}\n${end}`),
  'docs/errors.md': errorsPage(),
};
for (const [name, content] of Object.entries(documents)) {
  const file = path.join(root, name);
  if (!check) await writeFile(file, content);
  // A file that cannot be read differs from what it should be.
  else if ((await readFile(file, 'utf8').catch(() => '')) !== content) {
    process.stderr.write(`${name} is not what the code says. Run: node scripts/documents.ts\n`);
    process.exitCode = 1;
  }
}
