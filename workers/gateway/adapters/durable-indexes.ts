import type { IndexObject } from '../../../durable-objects/index-object.ts';
import type { RegistryObject } from '../../../durable-objects/registry-object.ts';
import type { AliasAction, AliasPage } from '../../../src/ann/aliases.ts';
import type { Creation, DeletedIndex } from '../../../src/ann/index-lifecycle.ts';
import type { IndexManifest, IndexPage } from '../../../src/ann/index-manifest.ts';
import { indexObjectName } from '../../../src/ann/index-manifest.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { IndexDirectory } from '../../../src/gateway/index-directory.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { ask } from './ask.ts';

/** What the objects do. */
interface IndexStub {
  create(manifest: IndexManifest, creation: Creation): Promise<Outcome<IndexManifest>>;
  describe(name: string, staleVersion?: number): Promise<Outcome<IndexManifest>>;
  remove(name: string): Promise<Outcome<DeletedIndex>>;
}
interface RegistryStub {
  page(after: string | undefined, limit: number): Promise<IndexPage>;
  targetOf(alias: string): Promise<string | undefined>;
  changeAliases(actions: readonly AliasAction[]): Promise<Outcome<null>>;
  aliasPage(index: string | undefined, after: string | undefined, limit: number): Promise<AliasPage>;
}

const UNREACHABLE = 'the index cannot be reached';

/** The indexes behind their Durable Objects: one an index, and one a tenant that lists them. */
export class DurableIndexes implements IndexDirectory {
  readonly #indexes: DurableObjectNamespace<IndexObject>;
  readonly #registries: DurableObjectNamespace<RegistryObject>;

  constructor(indexes: DurableObjectNamespace<IndexObject>, registries: DurableObjectNamespace<RegistryObject>) {
    this.#indexes = indexes;
    this.#registries = registries;
  }

  create(manifest: IndexManifest, creation: Creation): Promise<Outcome<IndexManifest>> {
    const stub = this.#index(manifest.tenantId, manifest.name);
    return ask('the index may not have been created: repeat it with the same idempotency-key', () => stub.create(manifest, creation));
  }

  describe(tenantId: TenantId, name: string, staleVersion?: number): Promise<Outcome<IndexManifest>> {
    return ask(UNREACHABLE, async () => {
      const found = await this.#index(tenantId, name).describe(name, staleVersion);
      if (found.ok || found.error.code !== 'index_not_found') return found;
      const target = await this.#registry(tenantId).targetOf(name);
      return target === undefined ? found : this.#index(tenantId, target).describe(target, staleVersion);
    });
  }

  remove(tenantId: TenantId, name: string): Promise<Outcome<DeletedIndex>> {
    return ask('the index may not be deleted yet: repeat it', () => this.#index(tenantId, name).remove(name));
  }

  list(tenantId: TenantId, after: string | undefined, limit: number): Promise<Outcome<IndexPage>> {
    return ask(UNREACHABLE, async () => ok(await this.#registry(tenantId).page(after, limit)));
  }

  changeAliases(tenantId: TenantId, actions: readonly AliasAction[]): Promise<Outcome<null>> {
    return ask('the aliases may not have been changed: look at them', () => this.#registry(tenantId).changeAliases(actions));
  }

  listAliases(tenantId: TenantId, index: string | undefined, after: string | undefined, limit: number): Promise<Outcome<AliasPage>> {
    return ask(UNREACHABLE, async () => ok(await this.#registry(tenantId).aliasPage(index, after, limit)));
  }

  #registry(tenantId: TenantId): RegistryStub {
    return this.#registries.getByName(tenantId);
  }

  #index(tenantId: TenantId, name: string): IndexStub {
    return this.#indexes.getByName(indexObjectName(tenantId, name));
  }
}
