#!/usr/bin/env node
import { describeSettings } from '../config/settings.ts';
import { print } from '../start/terminal.ts';

const commands: Readonly<Record<string, { readonly about: string; readonly run: () => Promise<unknown> }>> = {
  start: { about: 'run the service: API, worker and Redis', run: () => import('../main.ts') },
  server: { about: 'run the API alone', run: () => import('../server.ts') },
  worker: { about: 'run the worker of this host alone', run: () => import('../../workers/main.ts') },
  'stop-all': { about: 'stop the service and remove everything it made', run: () => import('./stop-all.ts') },
  config: { about: 'print the settings', run: async () => printSettings() },
};

const command = commands[process.argv[2] ?? ''];
if (command) await command.run();
else printHelp();

function printHelp(): void {
  print('usage: sandplane COMMAND\n');
  for (const [name, { about }] of Object.entries(commands)) print(`  ${name.padEnd(10)} ${about}`);
  process.exitCode = process.argv[2] === undefined || process.argv[2] === '--help' ? 0 : 2;
}

function printSettings(): void {
  for (const { name, default: fallback, description } of describeSettings()) {
    const value = process.env[name] ?? fallback;
    print(`${name}=${name.endsWith('_KEY') && value ? '(set)' : value}\n    ${description}`);
  }
}
