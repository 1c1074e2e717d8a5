import type { Outcome } from '../../src/contract/outcome.ts';
import type { Access, Endpoint } from '../../src/contract/endpoint.ts';
import type { Refusal } from '../../src/contract/errors.ts';
import { refusal } from '../../src/contract/errors.ts';
import type { AgentPrincipal, Principal } from '../../src/contract/principal.ts';
import { allows } from '../../src/contract/principal.ts';
import { admitsAddress } from '../../src/tenancy/keys/key-bounds.ts';
import type { Proof } from '../../src/gateway/authority.ts';
import type { Authority } from '../../src/contract/write-lease.ts';
import { err, ok } from '../../src/kernel/result.ts';
import type { GatewayEnv } from './env.ts';
import type { AppContext } from './exchange.ts';
import { callerAddress } from './caller-address.ts';
import type { Gateway } from './compose.ts';
import { checkOrigin } from './cross-origin.ts';
import { HttpError, valueOf } from './http-error.ts';

/** The caller and its right to call, which may end while the call runs. For agents the pool itself decides at each step. */
export type Admission =
  | { readonly caller: Principal; readonly authority: Authority }
  | { readonly caller: AgentPrincipal; readonly authority?: undefined };

/** The caller, if the endpoint admits it. */
export async function admit(context: AppContext, endpoint: Endpoint, gateway: Gateway): Promise<Admission | undefined> {
  const { access } = endpoint;
  const request = context.req.raw;
  if (access.kind === 'public') return undefined;
  if (access.kind === 'agent') {
    return { caller: valueOf(await gateway.heavy.agents.authenticate(apiKeyOf(request), context.req.param('pool'))) };
  }
  const credential = await gateway.authenticator.present(apiKeyOf(request));
  const judged = (proof: Outcome<Proof>): Outcome<Proof> => {
    const denial = proof.ok ? deny(proof.value.principal, access) : undefined;
    return denial === undefined ? proof : err(denial);
  };
  const first = await credential.prove();
  const { principal } = valueOf(first);
  checkAddress(principal, request, context.env);
  checkOrigin(principal, gateway.crossOrigin, request);
  valueOf(judged(first));
  const lease = async () => {
    const proof = judged(await credential.prove());
    return proof.ok ? ok(proof.value.lease) : proof;
  };
  return { caller: principal, authority: { lease } };
}

function checkAddress(principal: Principal, { headers }: Request, env: GatewayEnv): void {
  if (principal.kind === 'admin' || principal.addresses === undefined) return;
  if (admitsAddress(principal.addresses, callerAddress(headers, env))) return;
  throw new HttpError(refusal('address_denied', 'the API key may not be used from this address'));
}

function apiKeyOf(request: Request): string {
  const bearer = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  const apiKey = bearer ?? request.headers.get('api-key');
  if (apiKey === null) {
    throw new HttpError(refusal('missing_api_key', 'send an API key as "Authorization: Bearer sk_..."'), { 'www-authenticate': 'Bearer' });
  }
  return apiKey;
}

function deny(principal: Principal, access: Exclude<Access, { kind: 'public' | 'agent' }>): Refusal | undefined {
  if (access.kind === 'admin') {
    return principal.kind === 'admin' ? undefined : refusal('scope_denied', 'only the admin key may do this');
  }
  if (access.kind === 'tenant' && principal.kind === 'admin') {
    return refusal('scope_denied', 'the admin key belongs to no tenant: use a key of the tenant');
  }
  if (principal.kind === 'tenant' && principal.withheld?.includes(access.scope)) {
    return refusal('unavailable', `whether the key still has the scope "${access.scope}" cannot be checked now; try again`);
  }
  return allows(principal, access.scope) ? undefined : refusal('scope_denied', `the key lacks the scope "${access.scope}"`);
}
