import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Principal, TenantPrincipal } from '../../contract/api/principal.ts';
import type { Touched } from '../../contract/tenancy/touched-resources.ts';
import type { Authority, ChangedBy, WriteLease } from '../../contract/tenancy/write-lease.ts';
import { underAuthority } from '../../contract/tenancy/write-lease.ts';
import { nameWithoutVersion } from '../../contract/api/model-name.ts';
import { ok } from '../../kernel/result.ts';
import { deniedOf } from '../../tenancy/keys/key-bounds.ts';
import { actorOf } from './subject.ts';

/** The authenticated caller, and until when a write may be committed under this authentication. */
export interface Proof {
  readonly principal: Principal;
  readonly lease: WriteLease;
  /** Of what keys and tenants of the organisation may do, when the key was found in force. -1: it is not known. */
  readonly version: number;
  /** When it has to be checked again for what is known already, as the key expires; Infinity: never. */
  readonly lapsesAtMs: number;
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

/** On whose behalf a use case works. */
export interface Acting<P = TenantPrincipal> {
  readonly principal: P;
  readonly authority: Authority;
}

/** Writes a line of the tenant's audit trail before a change. Without the line there is no change; a change that fails leaves its line. */
export type NoteChange = (principal: TenantPrincipal, action: string, subject: string) => Promise<Outcome<unknown>>;

/**
 * Makes a change under the caller's authority, once its line is in the audit trail of the caller's tenant: `<what>.<action>`. The admin changes
 * what is the platform's, which has no trail.
 */
export async function changeNoted<T>(
  note: NoteChange,
  { principal, authority }: Acting<Principal>,
  [action, subject]: readonly [action: string, subject: string],
  change: (by: ChangedBy) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const noted = principal.kind === 'admin' ? ok(null) : await note(principal, action, subject);
  return noted.ok ? underAuthority(authority, (lease) => change({ actor: actorOf(principal), lease })) : noted;
}

type Restricted = Pick<TenantPrincipal, 'resources'>;

/** Refuses with `scope_denied` what the caller's key may not touch. What a name stands for is checked again once that is known. */
export function mayTouch({ resources }: Restricted, touched: Partial<Touched>): Outcome<null> {
  if (resources === undefined) return ok(null);
  const denied = deniedOf(resources, { named: touched.named ?? [], unnamed: touched.unnamed ?? [] });
  return denied === undefined ? ok(null) : refuse('scope_denied', `the key may not access ${denied}`);
}

export const mayTouchModels = (principal: Restricted, models: readonly string[]): Outcome<null> =>
  mayTouch(principal, { named: models.map((model) => `model/${nameWithoutVersion(model)}`) });
