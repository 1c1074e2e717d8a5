import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import type { Principal, TenantPrincipal } from '../contract/principal.ts';
import type { Touched } from '../contract/touched-resources.ts';
import type { WriteLease } from '../contract/write-lease.ts';
import { ok } from '../kernel/result.ts';
import { deniedOf } from '../tenancy/keys/key-bounds.ts';

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

/** The right of one request, which may end while the request runs. */
export interface Authority {
  /**
   * Checks the key again, against a record at most `keyFreshMs` old. Refuses as authentication does once the key is revoked or has expired,
   * lacks the scope of the call, or its tenant is suspended or erased.
   */
  lease(): Promise<Outcome<WriteLease>>;
}

/** On whose behalf a use case works. */
export interface Acting {
  readonly principal: TenantPrincipal;
  readonly authority: Authority;
}

/** A lease lasts long enough for a write to arrive: one that misses three of them meets an object that is not keeping up. */
const TRIES = 3;

/**
 * Does a durable step under a lease, and again under a new one where the lease ended before the step arrived. Null: work of Sluice itself,
 * under no key.
 */
export async function underAuthority<T>(
  authority: Authority | null,
  step: (lease: WriteLease | undefined) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  if (authority === null) return step(undefined);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const lease = await authority.lease();
    if (!lease.ok) return lease;
    const done = await step(lease.value);
    if (done.ok || done.error.code !== 'lease_expired') return done;
  }
  return refuse('unavailable', 'the write did not arrive in time to be checked: repeat it');
}

type Restricted = Pick<TenantPrincipal, 'resources'>;

/** Refuses with `scope_denied` what the caller's key may not touch. What a name stands for is checked again once that is known. */
export function mayTouch({ resources }: Restricted, touched: Partial<Touched>): Outcome<null> {
  if (resources === undefined) return ok(null);
  const denied = deniedOf(resources, { named: touched.named ?? [], unnamed: touched.unnamed ?? [] });
  return denied === undefined ? ok(null) : refuse('scope_denied', `the key may not access ${denied}`);
}

export const mayTouchModels = (principal: Restricted, models: readonly string[]): Outcome<null> =>
  mayTouch(principal, { named: models.map((model) => `model/${model}`) });
