import { refusal } from '../contract/errors.ts';
import type { Outcome } from '../contract/outcome.ts';
import type { TenantPrincipal } from '../contract/principal.ts';
import type { Touched } from '../contract/touched-resources.ts';
import { err, ok } from '../kernel/result.ts';
import { deniedOf } from '../tenancy/keys/key-bounds.ts';

type Restricted = Pick<TenantPrincipal, 'resources'>;

/** Refuses with `scope_denied` what the caller's key may not touch. What a name stands for is checked again once that is known. */
export function mayTouch({ resources }: Restricted, touched: Partial<Touched>): Outcome<null> {
  if (resources === undefined) return ok(null);
  const denied = deniedOf(resources, { named: touched.named ?? [], unnamed: touched.unnamed ?? [] });
  return denied === undefined ? ok(null) : err(refusal('scope_denied', `the key may not touch ${denied}`));
}

export const mayTouchModels = (principal: Restricted, models: readonly string[]): Outcome<null> =>
  mayTouch(principal, { named: models.map((model) => `model/${model}`) });
