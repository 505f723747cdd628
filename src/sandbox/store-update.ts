import { AppError } from '../errors.ts';
import { updateSandbox } from '../redis/calls/sandbox-writes.ts';
import { describeChange, type Why } from './history.ts';
import { isAwake, isUnstarted, nextCheckAt, type SandboxRecord } from './record.ts';
import { nextVersion, type StoreWrite, writtenKeys, writtenValues } from './store-write.ts';
import { usageNames } from './usage.ts';

export function recordSwap(write: StoreWrite) {
  const { redis, keys } = write;

  /**
   * Replaces a record unless somebody else has changed it since it was read: then null. `sealed`: its credentials, null to
   * leave them as they are. Returns what is stored. Throws `port_taken` when another sandbox leases the port that it names.
   */
  return async function swap(before: SandboxRecord, changed: SandboxRecord, sealed: string | null, why?: Why) {
    const { sandbox, ...internal } = { ...changed, sandbox: nextVersion(changed.sandbox) };
    const after: SandboxRecord = { sandbox, ...internal };
    const [hostBefore, hostAfter] = [before.sandbox.status.host, sandbox.status.host];
    const note = describeChange(before, after, why);
    const outcome = await updateSandbox(redis, {
      ...writtenValues(write, sandbox),
      keys: {
        ...writtenKeys(keys, sandbox),
        hostIndexBefore: keys.hostIndex(hostBefore ?? ''),
        hostIndexAfter: keys.hostIndex(hostAfter ?? ''),
        portsBefore: keys.ports(hostBefore ?? ''),
        portsAfter: keys.ports(hostAfter ?? ''),
      },
      expectedVersion: before.sandbox.resourceVersion,
      internal: JSON.stringify(internal),
      credentials: sealed,
      awake: isAwake(after),
      usageNames: usageNames(sandbox),
      historyEntry: note && JSON.stringify(note),
      nextCheckAtMs: isUnstarted(after) ? nextCheckAt(after) : null,
      hostBefore,
      hostAfter,
      portBefore: portOf(before),
      portAfter: portOf(after),
    });
    if (outcome === 'port_taken') {
      throw new AppError('port_taken', `Another sandbox has port ${after.port} of ${hostAfter}.`);
    }
    return outcome === 'written' ? after : null;
  };
}

/** A port is one of a host. */
function portOf({ sandbox, port }: SandboxRecord): number | null {
  return sandbox.status.host === null ? null : port;
}
