/** A string that only its maker may call `Name`: ids of different things do not mix. */
export type Brand<Name extends string> = string & { readonly __brand: Name };

export type OrganisationId = Brand<'OrganisationId'>;
export type TenantId = Brand<'TenantId'>;
export type ProjectId = Brand<'ProjectId'>;
export type KeyId = Brand<'KeyId'>;
export type IndexId = Brand<'IndexId'>;
export type FileId = Brand<'FileId'>;
export type JobId = Brand<'JobId'>;
export type AttemptId = Brand<'AttemptId'>;
export type PoolId = Brand<'PoolId'>;
export type PurgeId = Brand<'PurgeId'>;

/** The organisation of a tenant, whose id carries its characters. */
export const organisationOfTenant = (id: TenantId): OrganisationId => `org_${id.split('_')[1] ?? ''}` as OrganisationId;

/** Whose cache it is: a tenant's own, or that of an organisation whose tenants share one. */
export type CacheOwnerId = TenantId | OrganisationId;

// Crockford's base 32: no letter that reads as a digit, so ids survive being read aloud.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** Base-32 text of the low five bits of each byte: one character a byte. */
export function base32(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += ALPHABET[byte & 31];
  return text;
}
