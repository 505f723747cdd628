import { rm } from 'node:fs/promises';
import { execa } from 'execa';
import { loadConfig } from '../../src/config/config.ts';
import { type Kubectl, kubectlFor, kubectls } from './kubectl.ts';
import { end, type Program, runProgram, untilUp } from './program.ts';
import { createClient, temporaryFolder, testEnvironment } from './service.ts';

/** More than a first start on a busy machine takes, with the sandbox that it makes. */
const startWithinMs = 240_000;

interface StartOptions {
  /** Of the shell that starts it, in octal. */
  readonly umask?: string;
  /** The line that is waited for. */
  readonly until?: RegExp;
}

/**
 * The service as a user has it: a process of its own that is started, ended and started again on the same data. Not started
 * yet. `settings`: of each start and of stop-all.
 */
export async function serviceProcess(settings: Record<string, string> = {}, folder?: string) {
  const dataDir = folder ?? (await temporaryFolder());
  let running: { readonly program: Program; readonly url: string } | undefined;
  const current = () => {
    if (!running) throw new Error('the service was not started');
    return running;
  };
  const client = createClient(() => current().url);
  let newest: string | undefined;
  /** Removes all that it has made, by the command that users have for it. */
  const stopAll = () =>
    execa(process.execPath, ['src/cli/stop-all.ts'], { env: testEnvironment(dataDir, settings), reject: false });
  /** Sends a signal and waits until the process has ended. Returns the exit code; null where it was killed, or never started. */
  const endService = async (signal: NodeJS.Signals) => (running ? await end(running.program.child, signal) : null);
  return {
    dataDir,
    client,
    url: () => current().url,
    pid: () => current().program.child.pid as number,
    /** What it has printed since it was started. */
    output: () => current().program.output(),
    /** Resolves when it is up. Throws with its output when it ends before. `more`: settings of this start. */
    async start(more: Record<string, string> = {}, options: StartOptions = {}): Promise<void> {
      running = await startProcess(dataDir, { ...settings, ...more }, options);
    },
    end: endService,
    stopAll,
    /** A function that runs the current kubectl on a sandbox. */
    async kubectl(id: string): Promise<Kubectl> {
      newest ??= (await kubectls(loadConfig(testEnvironment(dataDir))))[0]?.file ?? '';
      return await kubectlFor(newest, dataDir, id, await client.kubeconfig(id));
    },
    /** Ends it and leaves nothing of it, its data folder neither. Throws when stop-all fails. */
    async remove(): Promise<void> {
      await endService('SIGKILL');
      const { failed, message } = await stopAll();
      if (failed) throw new Error(message);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function startProcess(
  dataDir: string,
  more: Record<string, string>,
  { umask, until = /^Ctrl-C/m }: StartOptions,
) {
  const env = { PATH: process.env.PATH ?? '', HOME: dataDir, ...testEnvironment(dataDir, more) };
  const node = [process.execPath, 'src/main.ts'];
  const command = umask ? ['sh', '-c', `umask ${umask}; exec "$0" "$@"`, ...node] : node;
  const program = runProgram(command, until, { env });
  await untilUp(program, 'the service', startWithinMs);
  const url = /^API: (\S+)/m.exec(program.output())?.[1];
  if (!url) throw new Error(`the service does not say where it is:\n${program.output()}`);
  return { program, url };
}
