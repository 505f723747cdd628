import { lstat, mkdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import lockfile from 'proper-lockfile';
import { AppError } from '../errors.ts';
import { ifThere } from './if-there.ts';
import { type Owner, writeAtomically } from './process-folder.ts';

export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/** The user ids for the sandboxes of this machine. */
export interface UserIds extends IdRange {
  /**
   * Has a link for each id that is taken, named by the id, to the folder of the sandbox that has it. All services of the
   * machine use the same, so that no two sandboxes of any of them have the same user.
   */
  readonly folder: string;
}

/** Persistent, as sandboxes are. Apart from the data folder, of which each service has its own. */
export const usersFolder = '/var/lib/sandplane-users';

/** As many as a user namespace usually has. */
const idCount = 65_536;

/**
 * The ids from `first` on. Null when the service cannot change to other users: it is not root, or it is the root of a
 * user namespace, as in a rootless container, into which none of these ids is mapped.
 */
export async function userIdsFrom(first: number, folder = usersFolder): Promise<UserIds | null> {
  if (process.getuid?.() !== 0) return null;
  const maps = await Promise.all(['uid_map', 'gid_map'].map((name) => ifThere(readFile(`/proc/self/${name}`, 'utf8'))));
  const range = mappedPart(
    { first, count: idCount },
    maps.filter((map) => map !== null),
  );
  return range && { ...range, folder };
}

/**
 * The first part of a range of ids that is in each of the maps, or null. A map is the text of /proc/self/uid_map
 * (user_namespaces(7)): lines with the first id in the namespace, the first one outside, and how many.
 */
export function mappedPart(wanted: IdRange, maps: readonly string[]): IdRange | null {
  let part: IdRange | null = wanted;
  for (const map of maps) {
    const lines = map.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
    const common = lines.map(([first = 0, , count = 0]) => part && overlap(part, { first, count }));
    part = common.find((one) => one !== null) ?? null;
  }
  return part;
}

function overlap(one: IdRange, other: IdRange): IdRange | null {
  const first = Math.max(one.first, other.first);
  const count = Math.min(one.first + one.count, other.first + other.count) - first;
  return count > 0 ? { first, count } : null;
}

/** Where a sandbox is noted: the folder that has its user id as long as it exists, and the file that tells which. */
interface Holder {
  readonly serviceDir: string;
  readonly userFile: string;
}

/** The user that the sandbox has had from its first start on; null when it has had none yet. */
export async function readOwner({ userFile }: Holder): Promise<Owner> {
  const id = Number(await ifThere(readFile(userFile, 'utf8')));
  return id > 0 ? { uid: id, gid: id } : null;
}

/**
 * Gives the sandbox a user id that no other has on this machine, or the one that it has had. An id whose sandbox is
 * gone, as with a data folder that was removed, is free. Throws `runtime_unavailable` when none is.
 */
export async function takeUser(ids: UserIds, holder: Holder): Promise<Owner> {
  const known = await readOwner(holder);
  const uid = await exclusively(ids.folder, async () => {
    if (known && (await take(ids, known.uid, holder))) return known.uid;
    for (let id = ids.first; !known && id < ids.first + ids.count; id += 1) if (await take(ids, id, holder)) return id;
    return null;
  });
  if (uid === null) throw noneFree(ids, known);
  if (!known) await writeAtomically(holder.userFile, String(uid), 0o600);
  return { uid, gid: uid };
}

/** Frees the id of a sandbox whose folders have been removed. */
export async function releaseUser({ folder }: UserIds, owner: Owner, { serviceDir }: Holder): Promise<void> {
  if (!owner) return;
  const claim = path.join(folder, String(owner.uid));
  await exclusively(folder, async () => {
    if ((await ifThere(readlink(claim))) === serviceDir) await rm(claim);
  });
}

async function take({ folder }: UserIds, id: number, { serviceDir }: Holder): Promise<boolean> {
  const claim = path.join(folder, String(id));
  const holder = await ifThere(readlink(claim));
  if (holder === serviceDir) return true;
  if (holder !== null && (await ifThere(lstat(holder))) !== null) return false;
  await rm(claim, { force: true });
  await symlink(serviceDir, claim);
  return true;
}

async function exclusively<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: Error) => {
    const detail = `${folder}, where the user ids of sandboxes are noted, cannot be made (${cause.message}). Make it, as root.`;
    throw new AppError('runtime_unavailable', detail, { cause });
  });
  const release = await lockfile.lock(folder, {
    lockfilePath: path.join(folder, 'lock'),
    retries: { forever: true, factor: 1, minTimeout: 5, maxTimeout: 50, randomize: true },
    // The library would end the process. A claim is a link, which only one can make, whoever has the lock.
    onCompromised: () => undefined,
  });
  try {
    return await work();
  } finally {
    // It rejects when somebody else has the lock by now, as when this process stood still.
    await release().catch(() => undefined);
  }
}

function noneFree({ first, count }: UserIds, known: Owner): AppError {
  const detail = known
    ? `The user id ${known.uid} of this sandbox has been given to another one. Delete one of the two.`
    : `No user id of ${first}-${first + count - 1} is free on this host. Delete sandboxes, or set SANDPLANE_UID_BASE to other ids.`;
  return new AppError('runtime_unavailable', detail);
}
