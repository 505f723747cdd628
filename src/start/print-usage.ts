import type { Config } from '../config/config.ts';
import { adminKeyFile } from '../config/default-folders.ts';
import type { RunningApi } from './api.ts';
import { print } from './terminal.ts';

/** What a person at the terminal is told when the service is up: where it is, the key, the log, how to go on. */
export function printUsage(config: Config, api: RunningApi, logFile: string): void {
  const key = config.adminKey ? '$SANDPLANE_ADMIN_KEY' : `$(cat '${adminKeyFile(config.dataDir)}')`;
  const auth = `-H "Authorization: Bearer ${key}"`;
  print(`
Sandplane listens at ${api.url}   (API documentation: ${api.url}/docs), gRPC at ${api.grpcAddress}
Key:  ${config.adminKey ? 'as set by SANDPLANE_ADMIN_KEY' : adminKeyFile(config.dataDir)}
Log:  ${logFile}

A sandbox of your own:
  ID=$(curl -fsS -X POST ${api.url}/v1/sandboxes ${auth} -H 'Prefer: wait=60' -H 'Content-Type: application/json' -d '{}' | cut -d'"' -f4)
  curl -fsS ${api.url}/v1/sandboxes/$ID/kubeconfig ${auth} > mine.kubeconfig
  kubectl --kubeconfig mine.kubeconfig get namespaces

Ctrl-C stops the service; sandboxes stay. npm run stop-all removes everything.`);
}
