import type { Principal } from './principal.ts';

/**
 * Who asks, by a key that was right a moment ago. Whether it still is, the change that is asked for finds out itself, in
 * one with what it does; what ends before it has to be proven. Until either is done, nothing may be told.
 */
export class Claim {
  readonly principal: Principal;
  /** The record of the key: it must still have this hash, and not be revoked. */
  readonly record: string;
  readonly hash: string;
  readonly #ask: () => Promise<unknown>;
  #isSettled = false;

  constructor({
    principal,
    record,
    hash,
    ask,
  }: Pick<Claim, 'principal' | 'record' | 'hash'> & { ask: () => Promise<unknown> }) {
    this.principal = principal;
    this.record = record;
    this.hash = hash;
    this.#ask = ask;
  }

  /** The change has found the key as it has to be. */
  settle(): void {
    this.#isSettled = true;
  }

  /** Asks the store, unless the change has done so. Throws what `ApiKeys.authenticate` throws. */
  async prove(): Promise<void> {
    if (this.#isSettled) return;
    await this.#ask();
    this.#isSettled = true;
  }
}
