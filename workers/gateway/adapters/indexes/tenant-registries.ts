import type { RegistryObject } from '../../../../durable-objects/registry-object.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { Organisations } from '../../../../src/gateway/tenancy/organisation-store.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { organisationOf } from '../../../../src/tenancy/resource-ids.ts';
import { dropOldest } from '../../../../src/kernel/drop-oldest.ts';

export type RegistryStub = DurableObjectStub<RegistryObject>;

/**
 * The index registries of those tenants that have one. Asking the registry of a tenant for the first time would create it, so the tenant's
 * organisation is asked whether there is one. It is informed before the first index is created (T68), and again once the registry is
 * stored: from then on a registry that finds nothing in its storage has lost it (T91).
 */
export class TenantRegistries {
  readonly #namespace: DurableObjectNamespace<RegistryObject>;
  readonly #organisations: Organisations;
  /** Tenants that have one: for good. The first to be learnt goes first. */
  readonly #known = new Set<TenantId>();

  constructor(namespace: DurableObjectNamespace<RegistryObject>, organisations: Organisations) {
    this.#namespace = namespace;
    this.#organisations = organisations;
  }

  /** Undefined when the tenant never had an index. Refuses with `unavailable` when its organisation cannot be asked. */
  async find(tenantId: TenantId): Promise<Outcome<RegistryStub | undefined>> {
    const registry = this.#namespace.getByName(tenantId);
    if (this.#known.has(tenantId)) return ok(registry);
    const organisation = this.#organisations.at(organisationOf(tenantId));
    const tenant = await organisation.tenant(tenantId);
    if (!tenant.ok) return tenant.error.code === 'tenant_not_found' ? ok(undefined) : tenant;
    const { hasIndexes, hasRegistry } = tenant.value;
    if (hasIndexes === false) return ok(undefined);
    if (hasRegistry !== true) {
      // Tenants from before this was recorded may have one. For the others, the creation of the first index was interrupted.
      if (!(await registry.isOpen())) return ok(undefined);
      const kept = await organisation.keepRegistry(tenantId);
      if (!kept.ok) return kept;
    }
    this.#learn(tenantId);
    return ok(registry);
  }

  /** Refuses with `tenant_not_found`, or with `state_conflict` when the tenant is being erased. */
  async open(tenantId: TenantId): Promise<Outcome<RegistryStub>> {
    const registry = this.#namespace.getByName(tenantId);
    if (this.#known.has(tenantId)) return ok(registry);
    const organisation = this.#organisations.at(organisationOf(tenantId));
    const tenant = await organisation.openIndexes(tenantId);
    if (!tenant.ok) return tenant;
    if (tenant.value.hasRegistry !== true) {
      await registry.open();
      const kept = await organisation.keepRegistry(tenantId);
      if (!kept.ok) return kept;
    }
    this.#learn(tenantId);
    return ok(registry);
  }

  #learn(tenantId: TenantId): void {
    this.#known.add(tenantId);
    dropOldest(this.#known, INDEX_LIMITS.indexManifestsMaxCount);
  }
}
