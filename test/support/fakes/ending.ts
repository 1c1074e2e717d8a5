import type { Refusal } from '../../../src/contract/api/errors.ts';
import { refusal } from '../../../src/contract/api/errors.ts';
import type { AuthorityEnd } from '../../../src/contract/tenancy/authority-end.ts';
import type { Authority } from '../../../src/contract/tenancy/write-lease.ts';
import { err, ok } from '../../../src/kernel/result.ts';

export const REVOKED: Refusal = refusal('invalid_api_key', 'revoked');

/** A right that ends when the test says so. */
export class Ending implements AuthorityEnd, Authority {
  refusal: Refusal | undefined;
  readonly #listeners = new Set<(why: Refusal) => void>();
  /** By how many it is held. */
  holds = 0;

  get end(): AuthorityEnd {
    return this;
  }

  async lease() {
    return this.refusal === undefined ? ok({ endsAtMs: Infinity }) : err(this.refusal);
  }

  revoke(): void {
    this.refusal = REVOKED;
    for (const run of this.#listeners) run(REVOKED);
  }

  onEnd(run: (why: Refusal) => void): () => void {
    if (this.refusal !== undefined) run(this.refusal);
    this.#listeners.add(run);
    return () => void this.#listeners.delete(run);
  }

  /** How many listen. */
  get heard(): number {
    return this.#listeners.size;
  }

  hold(): () => void {
    this.holds += 1;
    return () => {
      this.holds -= 1;
    };
  }

  waive(): void {
    this.#listeners.clear();
  }
}
