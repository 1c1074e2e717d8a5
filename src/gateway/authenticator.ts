import type { Outcome } from '../contract/outcome.ts';
import type { Principal } from '../contract/principal.ts';

/** Turns the secret of a request into who is calling. */
export interface Authenticator {
  /** Refuses with `invalid_api_key` or `key_expired`, or `unavailable` when the key cannot be checked. */
  authenticate(apiKey: string): Promise<Outcome<Principal>>;
}
