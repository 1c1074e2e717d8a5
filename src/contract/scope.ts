/** What a tenant's key may do. Nothing here crosses tenants: only the bootstrap admin key does. */
export const SCOPES = [
  'inference',
  'index:read',
  'index:write',
  'cache:purge',
  'files',
  'jobs',
  'pools:agent',
  'pools:admin',
  'usage:read',
  'keys:write',
  'ops:read',
] as const;

export type Scope = (typeof SCOPES)[number];
