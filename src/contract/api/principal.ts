import type { CacheOwnerId, KeyId, OrganisationId, PoolId, ProjectId, TenantId } from '../../kernel/ids.ts';

/** What a tenant's key may do. Nothing here crosses tenants: only the bootstrap admin key does. */
export const SCOPES = [
  'inference',
  'index:read',
  'index:write',
  'cache:purge',
  'files',
  'jobs',
  'models:read',
  'models:write',
  'upstreams:read',
  'upstreams:write',
  'prompts:read',
  'prompts:write',
  'requests:read',
  'requests:write',
  'planning:read',
  'planning:write',
  'pools:agent',
  'pools:admin',
  'usage:read',
  'keys:write',
  'ops:read',
] as const;

export type Scope = (typeof SCOPES)[number];

/** The caller, as proved by the API key. Everything a request touches is named by `tenantId`. */
export type Principal = TenantPrincipal | AdminPrincipal;

export interface TenantPrincipal {
  readonly kind: 'tenant';
  readonly organisationId: OrganisationId;
  readonly tenantId: TenantId;
  readonly projectId: ProjectId;
  readonly keyId: KeyId;
  /** The team that owns the key, and what the key makes where no other team is named. */
  readonly owner: string;
  readonly scopes: readonly Scope[];
  /** Scopes of the key that do not count now, because it cannot be determined whether it has been revoked. */
  readonly withheld?: readonly Scope[];
  /** When the key ends. Absent: never. */
  readonly expiresAtMs?: number;
  /** From where the key may be used, as CIDR ranges. Absent: from anywhere. */
  readonly addresses?: readonly string[];
  /** Of which origins pages may use the key. Absent: as the deployment says. */
  readonly origins?: readonly string[];
  /** What the key may touch of the kinds that are named here, such as `index/articles`. Absent: everything its scopes allow. */
  readonly resources?: readonly string[];
  /** Of documents the key reads those that have one of these labels, and those without any. Absent: all. */
  readonly labels?: readonly string[];
  /** The keys that made this one, with their projects: what it consumes counts for them too. */
  readonly lineage?: readonly (ProjectId | KeyId)[];
  /** Whether the organisation's tenants share one embedding cache. Absent: this tenant has its own. */
  readonly sharesCache?: boolean;
}

/** Whose embedding cache the caller reads and fills. */
export const cacheOwnerOf = ({ tenantId, organisationId, sharesCache = false }: TenantPrincipal): CacheOwnerId =>
  sharesCache ? organisationId : tenantId;

/** The bootstrap admin key: may do everything, belongs to no tenant. */
export interface AdminPrincipal {
  readonly kind: 'admin';
}

/** An agent of a pool, by the pool's token. It has no tenant of its own: the attempt it holds says whose data it touches. */
export interface AgentPrincipal {
  readonly kind: 'agent';
  readonly poolId: PoolId;
  /** Of the pool: the one that has the agent, as far as the caller says which agent it is. */
  readonly partition: number;
  /** From where it calls, as far as that can be proved. */
  readonly address?: string;
}

/** Any caller with a valid credential. */
export type Caller = Principal | AgentPrincipal;

export const allows = (principal: Principal, scope: Scope): boolean => principal.kind === 'admin' || principal.scopes.includes(scope);
