import { costNanoMax, editionAt } from '../../tenancy/usage/price-book.ts';
import type { ModelCharge, Settlement, UpstreamQuantities } from '../../upstreams/money/settlement.ts';
import { NO_QUANTITIES, quantitiesOf } from '../../upstreams/money/settlement.ts';

/** Tokens that models of the deployment have read for a call: classifiers of guardrails, and embedding models. */
export interface Classified {
  readonly embedding_tokens: number;
}

/**
 * What a call consumes besides its answer while it runs: hooks may ask models until the answer has ended. All of it is noted before the call is
 * settled. [U185]
 */
export class AddedUse {
  readonly #moderated: ModelCharge[] = [];
  #classifiedTokens = 0;

  /** Tokens that a model of the deployment has read, once they are reserved. */
  classified(tokens: number): void {
    this.#classifiedTokens += tokens;
  }

  /** What a model of an upstream is charged that a hook has asked, once it has answered. */
  moderated(charge: ModelCharge): void {
    this.#moderated.push(charge);
  }

  /** What it costs until now, in nano-dollars, by the prices of `atMs`. */
  nanoAt(atMs: number): number {
    const tokensNano = costNanoMax({ embedding_tokens: this.#classifiedTokens }, editionAt(atMs));
    return this.#moderated.reduce((sum, { settlement }) => sum + settlement.nano, tokensNano);
  }

  /** With what the call itself has consumed; absent: nothing. */
  used(settlement?: Settlement): UpstreamQuantities & Classified {
    return { ...(settlement === undefined ? NO_QUANTITIES : quantitiesOf(settlement)), embedding_tokens: this.#classifiedTokens };
  }

  /** With what other models are charged for the call. */
  beside(charges: readonly ModelCharge[] = []): readonly ModelCharge[] {
    return [...charges, ...this.#moderated];
  }
}
