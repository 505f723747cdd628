import type { Sealer } from '../redis/seal.ts';
import type { Webhook } from '../schemas/webhook.ts';

/** Newest first. The one that was rotated out signs along until `until` (epoch milliseconds). */
export interface WebhookSecret {
  readonly secret: string;
  readonly until: number | null;
  /** Names the request that made it by a rotation. */
  readonly madeBy?: string;
}

type Owner = Pick<Webhook, 'project' | 'id'>;

export function sealSecrets(sealer: Sealer, owner: Owner, secrets: readonly WebhookSecret[]): string {
  return sealer.seal(JSON.stringify(secrets), contextOf(owner));
}

export function openSecrets(sealer: Sealer, owner: Owner, sealed: string): WebhookSecret[] {
  return JSON.parse(sealer.open(sealed, contextOf(owner))) as WebhookSecret[];
}

/** So what is sealed for one webhook cannot be opened for another. */
function contextOf({ project, id }: Owner): string {
  return `${project}/${id}`;
}
