import type { Redis } from 'ioredis';
import { storeTimeMs } from '../redis/clock.ts';
import { recordFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { Sealer } from '../redis/seal.ts';
import type { Credentials } from '../runtime/pki.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { Why } from './history.ts';
import type { SandboxRecord } from './record.ts';
import { recordCreation } from './store-create.ts';
import { createIndexes } from './store-index.ts';
import { createReads } from './store-read.ts';
import { recordRemoval } from './store-remove.ts';
import { recordSwap } from './store-update.ts';

export interface Stored {
  readonly record: SandboxRecord;
  /** Opened only when they are asked for: most readers do not need them. */
  readonly credentials: () => Credentials | null;
}

interface StoreOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly sealer: Sealer;
  /** The limits of a project that has none of its own, in the order of scripts/create-sandbox.lua. */
  readonly quotaDefaults: readonly number[];
  /** How many changes of a project its event log keeps. */
  readonly maxEvents: number;
}

export type Store = ReturnType<typeof createStore>;

/** The records in Redis. Every change compares and swaps on the version; who loses reads again. */
export function createStore({ redis, keys, sealer, quotaDefaults, maxEvents }: StoreOptions) {
  const contextOf = ({ project, id }: Sandbox) => `${project}/${id}`;
  const seal = (credentials: Credentials, sandbox: Sandbox) =>
    sealer.seal(JSON.stringify(credentials), contextOf(sandbox));
  const open = (sealed: string | null | undefined, sandbox: Sandbox) =>
    sealed ? (JSON.parse(sealer.open(sealed, contextOf(sandbox))) as Credentials) : null;
  const swap = recordSwap({ redis, keys, maxEvents });

  /** For workers: the whole record, of whatever project. */
  async function get(id: string): Promise<Stored | null> {
    const { resource, internal, credentials } = recordFields;
    const [text, rest, sealed] = await redis.hmget(keys.sandbox(id), resource, internal, credentials);
    if (!text || !rest) return null;
    const sandbox = JSON.parse(text) as Sandbox;
    const record = { sandbox, ...(JSON.parse(rest) as Omit<SandboxRecord, 'sandbox'>) };
    return { record, credentials: () => open(sealed, sandbox) };
  }

  /**
   * Applies `change` to the newest record and stores the outcome, again and again until no other writer came between.
   * `change` returns null to leave the record as it is. Returns what is stored, or null when there is no record.
   */
  async function update(
    id: string,
    change: (record: SandboxRecord) => SandboxRecord | null,
    { credentials, why }: { credentials?: Credentials; why?: Why } = {},
  ): Promise<SandboxRecord | null> {
    for (;;) {
      const stored = await get(id);
      if (!stored) return null;
      const changed = change(stored.record);
      if (!changed) return stored.record;
      const sealed = credentials ? seal(credentials, changed.sandbox) : null;
      const swapped = await swap(stored.record, changed, sealed, why);
      if (swapped) return swapped;
    }
  }

  return {
    ...createReads({ redis, keys }),
    ...createIndexes({ redis, keys }),
    get,
    /** Now, by the clock that times to live are counted by: those of hosts may differ. */
    timeMs: async () => await storeTimeMs(redis),
    /** The credentials of a sandbox; null while it has none. */
    async credentials(sandbox: Sandbox): Promise<Credentials | null> {
      return open(await redis.hget(keys.sandbox(sandbox.id), recordFields.credentials), sandbox);
    },
    create: recordCreation({ redis, keys, quotaDefaults, maxEvents }),
    update,
    remove: recordRemoval({ redis, keys, maxEvents }),
  };
}
