import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, rename, rm, rmdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../errors.ts';
import { takeLock } from '../file-lock.ts';
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

/** Persistent, where the machine is. Apart from the data folder, of which each service has its own. */
export const usersFolder = '/var/lib/sandplane-users';

const lockTimeoutMs = 30_000;
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

/** A sandbox, by what tells that it is there: its folder, and the one of the service with the file that notes its id. */
export interface Holder {
  readonly dir: string;
  readonly serviceDir: string;
  readonly userFile: string;
}

/** The user that the sandbox has had from its first start on; null when it has had none yet. */
export async function readOwner({ userFile }: Pick<Holder, 'userFile'>): Promise<Owner> {
  const id = Number(await ifThere(readFile(userFile, 'utf8')));
  return id > 0 ? { uid: id, gid: id } : null;
}

/**
 * Gives the sandbox a user id that no other has on this machine, or the one that it has had. An id whose sandbox is
 * gone, as with a data folder that was removed, is free. Throws `runtime_unavailable` when none is.
 */
export async function takeUser(ids: UserIds, holder: Holder): Promise<Owner> {
  const { uid, isNoted } = await exclusively(ids.folder, async () => {
    const noted = (await readOwner(holder))?.uid ?? null;
    const known = noted ?? (await idOfData(ids, holder));
    if (known === null) return { uid: await takeNext(ids, holder), isNoted: false };
    if (await take(ids, known, holder)) return { uid: known, isNoted: noted !== null };
    const detail = `The user id ${known} of this sandbox has been given to another one. Delete one of the two.`;
    throw new AppError('runtime_unavailable', detail);
  });
  if (!isNoted) await writeAtomically(holder.userFile, String(uid), 0o600);
  return { uid, gid: uid };
}

/** Takes the ids that sandboxes have had, where the notes of that are lost, as with a container that is made anew. */
export async function renewUsers(ids: UserIds, holders: readonly Holder[]): Promise<void> {
  await exclusively(ids.folder, async () => {
    for (const holder of holders) {
      const owner = await readOwner(holder);
      if (owner) await take(ids, owner.uid, holder);
    }
  });
}

/** Frees the id of a sandbox whose folders have been removed. */
export async function releaseUser({ folder }: UserIds, owner: Owner, { serviceDir }: Holder): Promise<void> {
  if (!owner) return;
  const claim = path.join(folder, String(owner.uid));
  await exclusively(folder, async () => {
    if ((await ifThere(readlink(claim))) === serviceDir) await rm(claim);
  });
}

/** Removes the folder once no sandbox of any service of this machine has one of the ids. */
export async function removeUsersFolder(folder = usersFolder): Promise<void> {
  // Where no service was root.
  if ((await ifThere(lstat(folder))) === null) return;
  await exclusively(folder, async () => {
    const names = await readdir(folder);
    if (!names.some(isId)) await rm(lastFileIn(folder), { force: true });
  });
  // Not empty when another has an id by now.
  await rmdir(folder).catch(() => undefined);
}

/** The id that the sandbox's data has, where a crash of the machine has lost the file that tells it. */
async function idOfData({ folder }: UserIds, { dir, serviceDir }: Holder): Promise<number | null> {
  if ((await ifThere(lstat(dir))) === null) return null;
  for (const name of await readdir(folder)) {
    if (isId(name) && (await ifThere(readlink(path.join(folder, name)))) === serviceDir) return Number(name);
  }
  return null;
}

const isId = (name: string) => /^\d+$/.test(name);

/** Tells the id that was given last. */
const lastFileIn = (folder: string) => path.join(folder, 'last');

/** In turn, so that an id comes to another sandbox as late as can be: files of the one before may still be about. */
async function takeNext(ids: UserIds, holder: Holder): Promise<number> {
  const lastFile = lastFileIn(ids.folder);
  const last = Number((await ifThere(readFile(lastFile, 'utf8'))) ?? ids.first - 1);
  for (let step = 1; step <= ids.count; step += 1) {
    const id = ids.first + ((((last - ids.first + step) % ids.count) + ids.count) % ids.count);
    if (!(await take(ids, id, holder))) continue;
    await writeAtomically(lastFile, String(id), 0o600);
    return id;
  }
  const detail = `No user id of ${ids.first}-${ids.first + ids.count - 1} is free on this host. Delete sandboxes, or set SANDPLANE_UID_BASE to other ids.`;
  throw new AppError('runtime_unavailable', detail);
}

/** Of several that try, one succeeds, also when they do not know of each other. */
async function take({ folder }: UserIds, id: number, { serviceDir }: Pick<Holder, 'serviceDir'>): Promise<boolean> {
  const claim = path.join(folder, String(id));
  const holder = await ifThere(readlink(claim));
  if (holder === serviceDir) return true;
  if (holder !== null && !(await putAside(claim))) return false;
  return await symlink(serviceDir, claim).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      return false;
    },
  );
}

/** Removes a claim whose sandbox is gone. False when it is not, or another has removed or renewed the claim meanwhile. */
async function putAside(claim: string): Promise<boolean> {
  const isThere = async (link: string) => (await ifThere(lstat(await readlink(link)))) !== null;
  if (await isThere(claim)) return false;
  const aside = `${claim}.${randomUUID()}`;
  const isMoved = await ifThere(rename(claim, aside).then(() => true));
  if (!isMoved) return false;
  const isRenewed = await isThere(aside);
  // Unless yet another has made one by now.
  if (isRenewed) await symlink(await readlink(aside), claim).catch(() => undefined);
  await rm(aside);
  return !isRenewed;
}

async function exclusively<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: Error) => {
    const detail = `${folder}, where the user ids of sandboxes are noted, cannot be made (${cause.message}). Make it, as root.`;
    throw new AppError('runtime_unavailable', detail, { cause });
  });
  const release = await takeLock(path.join(folder, 'lock'), { code: 'runtime_unavailable', waitMs: lockTimeoutMs });
  try {
    return await work();
  } finally {
    await release();
  }
}
