import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

export interface ApiProcess {
  readonly url: string;
  /** What it has logged so far: a line of JSON each. */
  output(): string;
  /** The memory of its objects after a garbage collection, in MB. */
  heapMb(): Promise<number>;
  /** Ends it by SIGTERM. Returns the exit code. */
  stop(): Promise<number | null>;
}

/** `npm run server` as a process of its own, whose memory can be measured. */
export async function startApiProcess(
  env: Record<string, string>,
  { mostOpenFiles = 10_000 }: { mostOpenFiles?: number } = {},
): Promise<ApiProcess> {
  const entry = path.join(import.meta.dirname, '..', '..', 'src', 'server.ts');
  const limited = ['-c', `ulimit -n ${mostOpenFiles}; exec "$0" "$@"`, process.execPath];
  const child = spawn('sh', [...limited, '--inspect=127.0.0.1:0', entry], {
    env: { PATH: process.env.PATH ?? '', ...env, SANDPLANE_LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [inspector, url] = await Promise.all([
    firstMatch(child, 'stderr', /Debugger listening on (ws:\S+)/),
    firstMatch(child, 'stdout', /"url":"(http[^"]+)"/),
  ]);
  return {
    url,
    output: () => output,
    heapMb: () => measureHeap(inspector),
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      return child.exitCode;
    },
  };
}

async function firstMatch(child: ChildProcess, from: 'stdout' | 'stderr', pattern: RegExp): Promise<string> {
  const output = child[from];
  if (!output) throw new Error('no output');
  const lines = createInterface({ input: output });
  return await new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const found = pattern.exec(line)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`the API ended with ${code}`)));
  });
}

/** Asks by the DevTools protocol, as a debugger would. */
async function measureHeap(inspector: string): Promise<number> {
  const socket = new WebSocket(inspector);
  await once(socket as never, 'open');
  let id = 0;
  const ask = async (method: string): Promise<{ usedSize?: number }> => {
    id += 1;
    const asked = id;
    socket.send(JSON.stringify({ id: asked, method }));
    for (;;) {
      const [event] = (await once(socket as never, 'message')) as [{ data: string }];
      const answer = JSON.parse(event.data) as { id?: number; result?: { usedSize?: number } };
      if (answer.id === asked) return answer.result ?? {};
    }
  };
  await ask('HeapProfiler.collectGarbage');
  await ask('HeapProfiler.collectGarbage');
  const { usedSize = 0 } = await ask('Runtime.getHeapUsage');
  socket.close();
  return usedSize / 1e6;
}
