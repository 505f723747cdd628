#!/usr/bin/env node
import { loadConfig } from '../config/config.ts';
import { describeSettings } from '../config/settings.ts';
import { runProgram } from '../start/program.ts';
import { print } from '../start/terminal.ts';

const commands: Readonly<Record<string, { readonly about: string; readonly run: () => Promise<unknown> }>> = {
  start: { about: 'run the service: API, worker and Redis', run: () => import('../main.ts') },
  server: { about: 'run the API alone', run: () => import('../server.ts') },
  worker: { about: 'run the worker of this host alone', run: () => import('../../workers/main.ts') },
  'stop-all': { about: 'stop the service and remove everything it made', run: () => import('./stop-all.ts') },
  config: { about: 'print the settings, or what is wrong with them', run: () => runProgram(printSettings) },
};

const command = commands[process.argv[2] ?? ''];
if (command) await command.run();
else printHelp();

function printHelp(): void {
  print('usage: sandplane COMMAND\n');
  for (const [name, { about }] of Object.entries(commands)) print(`  ${name.padEnd(10)} ${about}`);
  process.exitCode = process.argv[2] === undefined || process.argv[2] === '--help' ? 0 : 2;
}

async function printSettings(): Promise<void> {
  loadConfig(process.env);
  for (const { name, default: fallback, description } of describeSettings()) {
    // An empty value counts as unset.
    const value = process.env[name] || fallback;
    // A URL of Redis may have a password in it.
    const isSecret = name.endsWith('_KEY') || name === 'REDIS_URL';
    print(`${name}=${isSecret && value ? '(set)' : value}\n    ${description}`);
  }
}
