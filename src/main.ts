import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pino } from 'pino';
import { defaultVersions } from './components/catalog.ts';
import { createComponents } from './components/components.ts';
import { type Config, loadConfig } from './config/config.ts';
import { adminKeyFile } from './config/default-folders.ts';
import { createLogger } from './logger.ts';
import { type RedisAddress, redisAddress } from './redis/connection.ts';
import { exists } from './runtime/process-folder.ts';
import { closeOnSignal } from './shutdown.ts';
import { type RunningApi, startApi } from './start/api.ts';
import { makeFolders } from './start/data-folder.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from './start/embedded-redis.ts';
import { makeDemo } from './start/first-run.ts';
import { serveHealth } from './start/health-port.ts';
import { type RunningHost, startHost } from './start/host.ts';
import { reportAndExit } from './start/report.ts';
import { claimService } from './start/running-service.ts';
import { adminKey } from './start/service-keys.ts';
import { print, runSteps, type Step } from './start/terminal.ts';

/** The embedded default: API, worker and Redis as one service, with a first sandbox on its first run. */
async function main(): Promise<void> {
  const config = loadConfig(process.env);
  await makeFolders(config);
  const claim = await claimService(config.dataDir);
  const logFile = await openLogFile(config);
  const logger = createLogger(config.logLevel, pino.destination({ dest: logFile, sync: false }));

  // Closed in reverse of how they came up, also when only some have.
  const closers: (() => Promise<void>)[] = [claim.release];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  closeOnSignal(close, logger, () => print('\nStopping; sandboxes stay.'));

  let address: RedisAddress | undefined;
  let host: RunningHost | undefined;
  let api: RunningApi | undefined;
  const steps: Step[] = [
    {
      title: 'Redis',
      run: async () => {
        const redis = await openRedis(config);
        address = redis.address;
        closers.push(redis.stop);
        return config.redisUrl ? 'as set by REDIS_URL' : 'embedded';
      },
    },
    {
      title: 'Worker',
      run: async () => {
        host = await startHost(config, address as RedisAddress, logger);
        closers.push(host.close);
        const health = await serveHealth(config, host.isHealthy);
        closers.push(health.close);
        return `${config.workerName}, runtime ${host.defaultRuntime}`;
      },
    },
    {
      title: 'API',
      run: async () => {
        api = await startApi(config, address as RedisAddress, logger);
        closers.push(api.close);
        await claim.listening(api.url);
        return api.url;
      },
    },
  ];
  try {
    await runSteps(steps);
    await firstRun(config, host as RunningHost, api as RunningApi);
  } catch (error) {
    await close();
    throw error;
  }
  printUsage(config, api as RunningApi, logFile);
}

async function openRedis(config: Config): Promise<EmbeddedRedis> {
  if (!config.redisUrl) return await startEmbeddedRedis(config.dataDir, config.redisMemoryMiB);
  return { address: redisAddress(config.redisUrl), stop: async () => undefined };
}

/** On the first run only: the template, so that starts are fast from the first on, and a sandbox to look at. */
async function firstRun(config: Config, host: RunningHost, api: RunningApi): Promise<void> {
  const done = path.join(config.dataDir, 'first-run-done');
  if (!config.demo || (await exists(done))) return;
  let answer = '';
  await runSteps([
    { title: 'Template (once, some seconds)', run: async () => void (await host.prepared) },
    {
      title: 'First sandbox, demo',
      run: async () => {
        const components = createComponents({ config: config.components, cacheDir: config.cacheDir });
        const kubectl = await components.binary('kubectl', defaultVersions.kubernetesVersion);
        const demo = await makeDemo({ url: api.url, key: await adminKey(config), dataDir: config.dataDir, kubectl });
        answer = `$ ${kubectl} --kubeconfig ${demo.file} get namespaces\n${demo.answer}`;
        return 'ready';
      },
    },
  ]);
  print(`\n${answer}`);
  await writeFile(done, '');
}

/** One older log is kept. */
async function openLogFile(config: Config): Promise<string> {
  const file = path.join(config.dataDir, 'logs', 'service.log');
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const size = (await exists(file)) ? (await stat(file)).size : 0;
  if (size > 10 * 1024 * 1024) await rename(file, `${file}.1`);
  return file;
}

function printUsage(config: Config, api: RunningApi, logFile: string): void {
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

main().catch(reportAndExit);
