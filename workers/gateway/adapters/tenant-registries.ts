import type { RegistryObject } from '../../../durable-objects/registry-object.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { Organisations } from '../../../src/gateway/tenancy/organisation-store.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { organisationOf } from '../../../src/tenancy/resource-ids.ts';

type RegistryStub = DurableObjectStub<RegistryObject>;

/**
 * The index registries of those tenants that have one. Asking the registry of a tenant for the first time would create it, so whether there
 * is one is asked of the tenant's organisation, which is told before the first index is created (T68).
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

  /** Undefined when the tenant never had an index. */
  async find(tenantId: TenantId): Promise<RegistryStub | undefined> {
    if (!this.#known.has(tenantId)) {
      const tenant = await this.#organisations.at(organisationOf(tenantId)).tenant(tenantId);
      // Tenants made before this was written down may have one.
      if (!tenant.ok || tenant.value.hasIndexes === false) return undefined;
      this.#learn(tenantId);
    }
    return this.#namespace.getByName(tenantId);
  }

  /** Refuses with `tenant_not_found`, or with `state_conflict` when the tenant is being erased. */
  async open(tenantId: TenantId): Promise<Outcome<RegistryStub>> {
    if (!this.#known.has(tenantId)) {
      const opened = await this.#organisations.at(organisationOf(tenantId)).openIndexes(tenantId);
      if (!opened.ok) return opened;
      this.#learn(tenantId);
    }
    return ok(this.#namespace.getByName(tenantId));
  }

  #learn(tenantId: TenantId): void {
    this.#known.add(tenantId);
    const [oldest] = this.#known;
    if (this.#known.size > LIMITS.indexManifestsMaxCount && oldest !== undefined) this.#known.delete(oldest);
  }
}
