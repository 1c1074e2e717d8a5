import { SIGNATURE_CHARS } from '../kernel/id-signer.ts';
import type { KeyId, OrganisationId, ProjectId, TenantId } from '../kernel/ids.ts';
import { base32 } from '../kernel/ids.ts';

/** Characters of an id: the organisation's own, and those that distinguish its tenants, projects and keys. 5 bits each. */
export const ORGANISATION_CHARS = 10;
export const TENANT_CHARS = 8;
export const KEY_CHARS = 10;

/** `stem` is the organisation's own characters and their signature; without one in organisations made before ids were signed. */
export const organisationId = (stem: string): OrganisationId => `org_${stem}` as OrganisationId;

// Everything inside an organisation carries its stem, so that any id alone identifies the object that holds it.
export const tenantId = (organisation: OrganisationId, bytes: Uint8Array): TenantId =>
  `tn_${stemOf(organisation)}_${base32(bytes)}` as TenantId;

export const projectId = (organisation: OrganisationId, bytes: Uint8Array): ProjectId =>
  `prj_${stemOf(organisation)}_${base32(bytes)}` as ProjectId;

export const keyId = (organisation: OrganisationId, bytes: Uint8Array): KeyId => `key_${stemOf(organisation)}${base32(bytes)}` as KeyId;

/** The organisation that a tenant, project or key belongs to. */
export function organisationOf(id: TenantId | ProjectId | KeyId): OrganisationId {
  const [kind, stem = ''] = id.split('_');
  return organisationId(kind === 'key' ? stem.slice(0, -KEY_CHARS) : stem);
}

export const stemOf = (organisation: OrganisationId): string => organisation.slice('org_'.length);

/** Whether the id has a signature, valid or not. */
export const isSigned = (organisation: OrganisationId): boolean => stemOf(organisation).length === ORGANISATION_CHARS + SIGNATURE_CHARS;
