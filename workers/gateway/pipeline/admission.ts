import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { Access, Endpoint } from '../../../src/contract/api/endpoint.ts';
import type { Refusal } from '../../../src/contract/api/errors.ts';
import { refusal } from '../../../src/contract/api/errors.ts';
import { AGENT_HEADER } from '../../../src/contract/pools/pool-partition.ts';
import type { AgentPrincipal, Principal } from '../../../src/contract/api/principal.ts';
import { allows } from '../../../src/contract/api/principal.ts';
import { admitsAddress } from '../../../src/tenancy/keys/key-bounds.ts';
import { systemTimer } from '../../../durable-objects/system-time.ts';
import { RequestAuthority } from '../../../src/gateway/tenancy/request-authority.ts';
import type { Proof } from '../../../src/gateway/tenancy/authority.ts';
import type { Authority } from '../../../src/contract/tenancy/write-lease.ts';
import { must } from '../../../src/kernel/assert.ts';
import { err, ok } from '../../../src/kernel/result.ts';
import type { ServingEnv } from '../env.ts';
import type { AppContext } from './exchange.ts';
import { callerAddress } from './caller-address.ts';
import { checkOrigin } from './cross-origin.ts';
import { HttpError, valueOf } from './http-error.ts';
import type { Serving } from './serving.ts';

/** The caller and its right to call, which may end while the call runs. For agents the pool itself decides at each step. */
export type Admission =
  | { readonly caller: Principal; readonly authority: Authority }
  | { readonly caller: AgentPrincipal; readonly authority?: undefined };

/** The caller, if the endpoint admits it. */
export async function admit(context: AppContext, endpoint: Endpoint, serving: Serving): Promise<Admission | undefined> {
  const { access } = endpoint;
  const request = context.req.raw;
  if (access.kind === 'public') return undefined;
  if (access.kind === 'agent') {
    const agents = must(serving.agents, 'a Worker that serves agents knows them');
    const caller = valueOf(await agents.authenticate(apiKeyOf(request), context.req.param('pool'), context.req.header(AGENT_HEADER)));
    const address = callerAddress(request.headers, context.env);
    return { caller: address === undefined ? caller : { ...caller, address } };
  }
  const credential = await serving.authenticator.present(apiKeyOf(request));
  const judged = (proof: Outcome<Proof>): Outcome<Proof> => {
    const denial = proof.ok ? deny(proof.value.principal, access, endpoint) : undefined;
    return denial === undefined ? proof : err(denial);
  };
  const first = await credential.prove();
  const { principal } = valueOf(first);
  checkAddress(principal, request, context.env);
  checkOrigin(principal, serving.crossOrigin, request);
  valueOf(judged(first));
  const prove = async () => judged(await credential.prove());
  return { caller: principal, authority: authorityOf(first, prove, serving) };
}

/** The admin's right ends with the deployment alone. */
function authorityOf(first: Outcome<Proof>, prove: () => Promise<Outcome<Proof>>, { watches, clock }: Serving): Authority {
  const proof = valueOf(first);
  if (proof.principal.kind === 'tenant') {
    const { organisationId: organisation } = proof.principal;
    return new RequestAuthority({ organisation, prove, watches, clock, timer: systemTimer }, proof);
  }
  const lease = async () => {
    const again = await prove();
    return again.ok ? ok(again.value.lease) : again;
  };
  return { lease };
}

function checkAddress(principal: Principal, { headers }: Request, env: ServingEnv): void {
  if (principal.kind === 'admin' || principal.addresses === undefined) return;
  if (admitsAddress(principal.addresses, callerAddress(headers, env))) return;
  throw new HttpError(refusal('address_denied', 'the API key may not be used from this address'));
}

/** The secret that a request shows, if it shows one. [G102] Some clients leave out the word before it. */
export function presentedKey({ headers }: Request): string | undefined {
  const bearer = /^(?:Bearer +)?(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1];
  return bearer ?? headers.get('api-key') ?? headers.get('x-api-key') ?? undefined;
}

function apiKeyOf(request: Request): string {
  const apiKey = presentedKey(request);
  if (apiKey === undefined) {
    throw new HttpError(refusal('missing_api_key', 'send an API key as "Authorization: Bearer sk_..."'), { 'www-authenticate': 'Bearer' });
  }
  return apiKey;
}

const CLOSED_TO_LABELS = refusal(
  'scope_denied',
  'the key reads documents of some labels alone, which this call does not heed: use a key without labels',
);

function deny(
  principal: Principal,
  access: Exclude<Access, { kind: 'public' | 'agent' }>,
  { heedsLabels }: Pick<Endpoint, 'heedsLabels'>,
): Refusal | undefined {
  if (access.kind === 'admin') {
    return principal.kind === 'admin' ? undefined : refusal('scope_denied', 'only the admin key may do this');
  }
  if (access.kind === 'tenant' && principal.kind === 'admin') {
    return refusal('scope_denied', 'the admin key belongs to no tenant: use a key of the tenant');
  }
  if (principal.kind === 'tenant' && principal.withheld?.includes(access.scope)) {
    return refusal('unavailable', `whether the key still has the scope "${access.scope}" cannot be checked now; try again`);
  }
  if (!allows(principal, access.scope)) return refusal('scope_denied', `the key lacks the scope "${access.scope}"`);
  return principal.kind === 'tenant' && principal.labels !== undefined && heedsLabels !== true ? CLOSED_TO_LABELS : undefined;
}
