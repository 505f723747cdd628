import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Client } from 'undici';

export type EtcdClient = Awaited<ReturnType<typeof openEtcd>>;

/** open(2): opens nothing, but holds on to a file, of whatever kind. Not among the constants of Node. */
const O_PATH = 0o10000000;

const timeoutMs = 5000;
/** Of what takes longer the more there is: some seconds for a gigabyte. */
const longTimeoutMs = 10 * 60_000;
/** What is asked for here has some hundred bytes. */
const maxResponseSize = 64 * 1024;

/**
 * etcd's JSON gateway over its Unix socket (etcd.io/docs/v3.6/dev-guide/api_grpc_gateway). The caller closes it. Numbers of
 * 64 bits come as texts, keys go as base64. Throws when there is no socket.
 */
export async function openEtcd(socketPath: string, stopping?: AbortSignal) {
  const socket = process.platform === 'linux' ? await holdSocket(socketPath) : null;
  const client = new Client('http://localhost', {
    connect: { socketPath: socket ? `/proc/self/fd/${socket.fd}` : socketPath, timeout: timeoutMs },
    headersTimeout: longTimeoutMs,
    maxResponseSize,
  });

  /** Throws when etcd does not answer, or answers with an error. */
  async function ask<Answer>(path: string, body: object, limitMs = timeoutMs): Promise<Answer> {
    const limit = AbortSignal.timeout(limitMs);
    const signal = stopping ? AbortSignal.any([stopping, limit]) : limit;
    const answer = await client.request({ method: 'POST', path, body: JSON.stringify(body), signal });
    if (answer.statusCode === 200) return (await answer.body.json()) as Answer;
    throw new Error(`etcd answered ${answer.statusCode} to ${path}: ${await answer.body.text()}`);
  }

  return {
    async deletePrefix(prefix: string): Promise<void> {
      const base64 = (text: string) => Buffer.from(text).toString('base64');
      const end = `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`;
      await ask('/v3/kv/deleterange', { key: base64(prefix), range_end: base64(end) });
    },
    /** The members, here at most one, that take no writes which add, since the quota is reached. */
    async membersWithoutSpace(): Promise<string[]> {
      const { alarms = [] } = await ask<{ alarms?: { memberID: string; alarm?: string }[] }>('/v3/maintenance/alarm', {
        action: 'GET',
      });
      return alarms.filter(({ alarm }) => alarm === 'NOSPACE').map(({ memberID }) => memberID);
    },
    async takeWritesAgain(memberID: string): Promise<void> {
      await ask('/v3/maintenance/alarm', { action: 'DEACTIVATE', alarm: 'NOSPACE', memberID });
    },
    async status(): Promise<{ revision: string; bytesInUse: number }> {
      const answer = await ask<{ header: { revision: string }; dbSizeInUse?: string }>('/v3/maintenance/status', {});
      return { revision: answer.header.revision, bytesInUse: Number(answer.dbSizeInUse ?? 0) };
    },
    /** Forgets what was before this revision. That it was forgotten before is no error. */
    async compact(revision: string): Promise<void> {
      await ask('/v3/kv/compaction', { revision, physical: true }, longTimeoutMs).catch((error: Error) => {
        if (!error.message.includes('has been compacted')) throw error;
      });
    },
    /** Makes the file as small as what is in it. etcd answers nothing else meanwhile. */
    async defragment(): Promise<void> {
      await ask('/v3/maintenance/defragment', {}, longTimeoutMs);
    },
    async close(): Promise<void> {
      await client.destroy();
      await socket?.close();
    },
  };
}

/**
 * The very file that all connections go to from now on, and no link: the sandbox could put one there to a socket of somebody
 * else, at any moment. Throws when it is no socket.
 */
async function holdSocket(file: string): Promise<FileHandle> {
  const handle = await open(file, O_PATH | constants.O_NOFOLLOW);
  if ((await handle.stat()).isSocket()) return handle;
  await handle.close();
  throw new Error(`${file} is no socket`);
}
