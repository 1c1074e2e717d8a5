import { base32 } from '../../../src/kernel/ids.ts';
import { keyId, organisationId, projectId, tenantId } from '../../../src/tenancy/resource-ids.ts';

/** A word that occurs only in data of the tenant that is erased. */
export const WORD = 'a word of the doomed';
export const ORGANISATION = organisationId(base32(new Uint8Array(10)));

const peopled = (n: number) => ({
  tenant: tenantId(ORGANISATION, new Uint8Array(8).fill(n)),
  project: projectId(ORGANISATION, new Uint8Array(8).fill(n)),
  key: keyId(ORGANISATION, new Uint8Array(10).fill(n)),
});

export const DOOMED = peopled(1);
export const NEIGHBOUR = peopled(2);
