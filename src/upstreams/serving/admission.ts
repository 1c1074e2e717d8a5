import type { Target } from '../target.ts';

/** What one call has taken of its upstream's limits among all isolates. */
export interface Admission {
  /** The call is over: its permit is given back, and the tokens that it did not use. */
  end(tokensUsed?: number): void;
}

export type Admitted =
  | { readonly kind: 'admitted'; readonly admission: Admission }
  /** Others have taken what there is: of calls at a time, or of a minute's requests or tokens. */
  | { readonly kind: 'full'; readonly of: 'concurrency' | 'requests' | 'tokens'; readonly retryAfterMs: number }
  /** The call alone is more than the upstream may be sent in a minute. */
  | { readonly kind: 'never'; readonly tokensMax: number };

/** Keeps an upstream's limits over all isolates of a deployment. */
export interface UpstreamAdmission {
  admit(target: Target, tokensMax: number): Promise<Admitted>;
}

/** For a call to an upstream without limits. */
export const UNLIMITED: Admitted = { kind: 'admitted', admission: { end: () => undefined } };

/** For deployments of one isolate, where `Places` keeps what there is to keep. */
export const ADMIT_ALL: UpstreamAdmission = { admit: async () => UNLIMITED };
