import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import { adminKeyFile } from '../config/default-folders.ts';
import { AppError } from '../errors.ts';

/** The admin key: as set, or made at first start in `<data>/admin.key`, mode 0600. */
export async function adminKey(config: Config): Promise<string> {
  return (
    config.adminKey ??
    (await keptSecret(adminKeyFile(config.dataDir), () => `sp_admin_${randomBytes(24).toString('base64url')}`))
  );
}

/** 32 bytes that seal secrets: as set, from the file that is set, or made at first start. Throws `config_invalid`. */
export async function secretKey(config: Config): Promise<Buffer> {
  const file = config.secretKeyFile ?? path.join(config.dataDir, 'secret.key');
  const given = config.secretKeyFile ? await readSecret(file) : config.secretKey;
  const text = given ?? (await keptSecret(file, () => randomBytes(32).toString('base64')));
  const key = Buffer.from(text, /^[0-9a-f]{64}$/i.test(text) ? 'hex' : 'base64');
  if (key.length === 32) return key;
  throw new AppError('config_invalid', `${file} must hold 32 bytes in base64 or hex: openssl rand -base64 32`);
}

/** Names this service, in its data folder and in its Redis, so that neither is ever used with another's. */
export async function serviceId(dataDir: string): Promise<string> {
  return await keptSecret(path.join(dataDir, 'service-id'), () => randomBytes(8).toString('hex'));
}

/**
 * Reads the file, or makes it. When several processes make it at the same time, all return the content of the first.
 */
async function keptSecret(file: string, make: () => string): Promise<string> {
  const kept = await readSecret(file);
  if (kept) return kept;
  const dir = path.dirname(file);
  await mkdir(dir, { recursive: true, mode: 0o711 });
  const partial = `${file}.${process.pid}.partial`;
  await rm(partial, { force: true });
  const handle = await open(partial, 'wx', 0o600);
  await handle.writeFile(`${make()}\n`);
  await handle.sync();
  await handle.close();
  await link(partial, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(partial);
  await chmod(file, 0o600);
  return (await readSecret(file)) ?? '';
}

async function readSecret(file: string): Promise<string | undefined> {
  return await readFile(file, 'utf8').then(
    (text) => text.trim(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
}
