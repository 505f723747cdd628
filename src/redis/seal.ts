import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Seals secrets for the store. `context` (project and sandbox id) must be the same at opening. */
export interface Sealer {
  seal(plaintext: string, context: string): string;
  /** Throws when the text was changed, or sealed with another key or context. */
  open(sealed: string, context: string): string;
}

/** AES-256-GCM (NIST SP 800-38D). `v1.<nonce>.<tag>.<ciphertext>`, each part base64url. `key`: 32 bytes. */
export function createSealer(key: Buffer): Sealer {
  return {
    seal(plaintext, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
      const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
      return ['v1', ...[nonce, cipher.getAuthTag(), ciphertext].map((part) => part.toString('base64url'))].join('.');
    },
    open(sealed, context) {
      const [version, ...parts] = sealed.split('.');
      const [nonce, tag, ciphertext] = parts.map((part) => Buffer.from(part, 'base64url'));
      if (version !== 'v1' || !nonce || tag?.length !== 16 || !ciphertext) throw new Error('not a sealed value');
      const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context)).setAuthTag(tag);
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
    },
  };
}
