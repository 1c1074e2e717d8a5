import type { Quantities } from '../../contract/api/meter.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';

/** One rate limit as the caller sees it, for the `x-ratelimit-*` headers. */
export interface RateState {
  readonly name: 'requests' | 'tokens';
  readonly limit: number;
  readonly remaining: number;
  /** Until the window ends, in milliseconds. */
  readonly resetMs: number;
}

/** Quota taken before the work starts; what is not used goes back. */
export interface Reservation {
  /** Takes more from the same limits, all or nothing. */
  extend(quantities: Quantities): Promise<Outcome<void>>;
  /**
   * States what was really used (at most what was reserved), records it as usage and answers its price in nano-dollars.
   * Called exactly once. With `usageId`, recording the same id again changes nothing: a retried request is billed once. `besides`: what was
   * used under other labels.
   */
  settle(used: Quantities, label: UsageLabel, besides?: readonly LabelledUse[]): number;
}

/** What one call used for a model besides the one that it is known by. */
export interface LabelledUse {
  readonly used: Quantities;
  readonly model: string;
}

export interface UsageLabel {
  readonly route: string;
  readonly model?: string;
  readonly usageId?: string;
}

/** Every call passes through here before it does any work: nothing is unmetered. */
export interface Budget {
  /** `unbilled`: takes no money, and bills nothing. */
  reserve(principal: TenantPrincipal, quantities: Quantities, terms?: 'billed' | 'unbilled'): Promise<Outcome<Reservation>>;
  /** The limits of the present minute as cached in this isolate, whether the last call was admitted or not. */
  rates(principal: TenantPrincipal): readonly RateState[];
}
