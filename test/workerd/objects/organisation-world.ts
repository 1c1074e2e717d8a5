import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

import type { OrganisationObject } from '../../../durable-objects/organisation-object.ts';
import type { OrganisationStore } from '../../../src/gateway/tenancy/organisation-store.ts';
import type { Actor, Tenant } from '../../../src/tenancy/organisation.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';

const { ORGANISATION } = env as unknown as Record<'ORGANISATION', DurableObjectNamespace<OrganisationObject>>;

export const ticket = (digest = 'digest', actor: Actor = 'admin') => ({ actor, digest });
export const MAC = 'a'.repeat(64);
export const secret = (letter: string, receiptId: string | null = null, graceMs = 0) => ({
  mac: letter.repeat(64),
  graceMs,
  nonce: `nonce-${letter}`,
  receiptId,
});

export const stubOf = (number: number) => ORGANISATION.get(ORGANISATION.idFromName(idsOf(number).organisationId));

/** An organisation; with `evicts`, its object loses its memory after every call. */
export function organisation(number: number, evicts: boolean) {
  const stub = stubOf(number);
  const ids = idsOf(number);
  const call = async <T>(work: (store: OrganisationStore) => Promise<T>): Promise<T> => {
    const answer = await work(stub);
    if (evicts) await evictDurableObject(stub);
    return answer;
  };
  const tenant: Tenant = {
    id: ids.tenantId,
    organisationId: ids.organisationId,
    name: 'shop',
    owner: 'ops',
    defaultProjectId: ids.projectId,
    createdAtMs: 1,
  };
  const project = { id: ids.projectId, tenantId: ids.tenantId, name: 'default', owner: 'ops', createdAtMs: 1 };
  const found = (isListed = false) =>
    call((store) => store.found({ id: ids.organisationId, name: 'acme', owner: 'ops', createdAtMs: 1 }, ticket(), isListed));
  const addTenant = () => call((store) => store.addTenant(tenant, project, ticket()));
  return { ids, call, tenant, project, found, addTenant };
}
