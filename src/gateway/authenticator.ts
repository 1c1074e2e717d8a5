import type { Outcome } from '../contract/outcome.ts';
import type { Principal } from '../contract/principal.ts';
import type { WriteLease } from '../contract/write-lease.ts';

/** The authenticated caller, and until when a write may be committed under this authentication. */
export interface Proof {
  readonly principal: Principal;
  readonly lease: WriteLease;
}

/** A secret that a request has shown. */
export interface Credential {
  /** Checks it now. Refuses with `invalid_api_key`, `key_expired` or `tenant_suspended`, or `unavailable` when it cannot be checked. */
  prove(): Promise<Outcome<Proof>>;
}

/** Authenticates a request by its secret. */
export interface Authenticator {
  /** The secret in a form that can be checked again and again while the request runs. */
  present(apiKey: string): Promise<Credential>;
}
