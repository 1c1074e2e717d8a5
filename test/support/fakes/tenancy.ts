import { base32 } from '../../../src/kernel/ids.ts';
import type { NewKey } from '../../../src/tenancy/keys/key-record.ts';
import { keyId, organisationId, projectId, tenantId } from '../../../src/tenancy/resource-ids.ts';

/** The ids of one organisation and of what belongs to it, made from a number. */
export function idsOf(number: number) {
  const bytes = (length: number) => new Uint8Array(length).map((_, position) => number >> (5 * position));
  const organisation = organisationId(base32(bytes(10)));
  return {
    organisationId: organisation,
    tenantId: tenantId(organisation, bytes(8)),
    projectId: projectId(organisation, bytes(8)),
    id: keyId(organisation, bytes(10)),
  };
}

export const newKey = (fields: Partial<NewKey> = {}): NewKey => ({
  ...idsOf(1),
  name: 'ci',
  owner: 'testers',
  scopes: ['inference', 'keys:write'],
  createdAtMs: 0,
  expiresAtMs: null,
  mac: '0'.repeat(64),
  ...fields,
});

/** A clock that the test sets. */
export class ManualClock {
  ms: number;

  constructor(ms = Date.UTC(2026, 10, 25, 12)) {
    this.ms = ms;
  }

  nowMs(): number {
    return this.ms;
  }
}
