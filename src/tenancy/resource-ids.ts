import type { KeyId, OrganisationId, ProjectId, TenantId } from '../kernel/ids.ts';
import { base32 } from '../kernel/ids.ts';

/** Characters of an id: the organisation's own, and what tells its tenants, projects and keys apart. 5 bits each. */
export const ORGANISATION_CHARS = 10;
export const TENANT_CHARS = 8;
export const KEY_CHARS = 10;

export const organisationId = (bytes: Uint8Array): OrganisationId => `org_${base32(bytes)}` as OrganisationId;

// Everything inside an organisation carries its ten characters, so that any id alone says which object holds it.
export const tenantId = (organisation: OrganisationId, bytes: Uint8Array): TenantId =>
  `tn_${stem(organisation)}_${base32(bytes)}` as TenantId;

export const projectId = (organisation: OrganisationId, bytes: Uint8Array): ProjectId =>
  `prj_${stem(organisation)}_${base32(bytes)}` as ProjectId;

export const keyId = (organisation: OrganisationId, bytes: Uint8Array): KeyId => `key_${stem(organisation)}${base32(bytes)}` as KeyId;

/** The organisation that a tenant, project or key belongs to. */
export const organisationOf = (id: TenantId | ProjectId | KeyId): OrganisationId =>
  `org_${id.slice(id.indexOf('_') + 1).slice(0, ORGANISATION_CHARS)}` as OrganisationId;

const stem = (organisation: OrganisationId): string => organisation.slice('org_'.length);
