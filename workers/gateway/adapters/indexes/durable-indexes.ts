import type { IndexObject } from '../../../../durable-objects/index-object.ts';
import type { AliasAction, AliasPage } from '../../../../src/index/aliases.ts';
import { changedAliases } from '../../../../src/index/aliases.ts';
import type { AnnotationChange, IndexAnnotations } from '../../../../src/index/index-annotations.ts';
import type { Creation, DeletedIndex } from '../../../../src/index/index-lifecycle.ts';
import { indexLost, indexNotFound } from '../../../../src/index/index-lifecycle.ts';
import type { IndexManifest, IndexPage } from '../../../../src/index/index-manifest.ts';
import { incarnationOf, indexObjectName } from '../../../../src/index/index-manifest.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import type { SearchSettingsBody } from '../../../../src/contract/indexes/search-settings.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { WriteLease, Authority } from '../../../../src/contract/tenancy/write-lease.ts';
import { underAuthority } from '../../../../src/contract/tenancy/write-lease.ts';
import type { DocumentEnds } from '../../../../src/gateway/documents/documents.ts';
import type { IndexDirectory } from '../../../../src/gateway/indexes/index-directory.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { ask } from '../api/ask.ts';
import type { RegistryStub, TenantRegistries } from './tenant-registries.ts';
import { dropOldest } from '../../../../src/kernel/drop-oldest.ts';
import type { Remote } from '../../../../src/kernel/remote.ts';

/** What the objects do. */
type IndexStub = Remote<Pick<IndexObject, 'create' | 'describe' | 'annotate' | 'tune' | 'remove'>>;

type EndsOf = (tenantId: TenantId, index: { readonly name: string; readonly incarnation: string }) => DocumentEnds;

type IndexCall<T> = (index: IndexStub, ownName: string) => Promise<Outcome<T>>;

const UNREACHABLE = 'the index cannot be reached';

/**
 * The indexes in their Durable Objects: one for each index name, and one for each tenant that lists them. The object of a name is addressed
 * only once the tenant's registry has the name, or when an index is created there (T67).
 */
export class DurableIndexes implements IndexDirectory {
  readonly #indexes: DurableObjectNamespace<IndexObject>;
  readonly #registries: TenantRegistries;
  readonly #documentsOf: EndsOf | undefined;
  /** Objects that held an index when this isolate last asked: they are asked again without asking the registry first. */
  readonly #seen = new Set<string>();

  /** `documentsOf`: absent where no index is deleted. */
  constructor(indexes: DurableObjectNamespace<IndexObject>, registries: TenantRegistries, documentsOf?: EndsOf) {
    this.#indexes = indexes;
    this.#registries = registries;
    this.#documentsOf = documentsOf;
  }

  create(manifest: IndexManifest, creation: Creation, authority: Authority): Promise<Outcome<IndexManifest>> {
    const { tenantId, name } = manifest;
    return this.#commit(authority, 'the index may not have been created: repeat it with the same idempotency-key', async (lease) => {
      const registry = await this.#registries.open(tenantId);
      if (!registry.ok) return registry;
      const admitted: Outcome<null> = await registry.value.admits(name, creation.idempotencyKey, creation.bodyDigest);
      return admitted.ok ? this.#index(tenantId, name).create(manifest, creation, lease) : admitted;
    });
  }

  describe(tenantId: TenantId, name: string, staleVersion?: number): Promise<Outcome<IndexManifest>> {
    return ask(UNREACHABLE, () => this.#named(tenantId, name, (index, ownName) => index.describe(ownName, staleVersion)));
  }

  annotate(
    tenantId: TenantId,
    name: string,
    changes: readonly AnnotationChange[],
    authority: Authority | null,
  ): Promise<Outcome<IndexAnnotations>> {
    return this.#commit(authority, 'the settings may not have been kept: look at them', (lease) =>
      this.#named(tenantId, name, (index, ownName) => index.annotate(ownName, changes, lease)),
    );
  }

  tune(tenantId: TenantId, name: string, settings: SearchSettingsBody | null, authority: Authority): Promise<Outcome<IndexManifest>> {
    return this.#commit(authority, 'the settings may not have been kept: look at them', (lease) =>
      this.#named(tenantId, name, (index, ownName) => index.tune(ownName, settings, lease)),
    );
  }

  remove(tenantId: TenantId, name: string, authority: Authority | null): Promise<Outcome<DeletedIndex>> {
    return this.#commit(authority, 'the index may not be deleted yet: repeat it', async (lease) => {
      this.#seen.delete(indexObjectName(tenantId, name));
      const isTaken = (): Promise<Outcome<boolean>> => this.#registered(tenantId, false, (registry) => registry.isTaken(name));
      const taken = await isTaken();
      if (!taken.ok) return taken;
      if (!taken.value) return indexNotFound(name);
      const index = this.#index(tenantId, name);
      const known: Outcome<IndexManifest> = await index.describe(name);
      const own = known.ok ? { name, incarnation: incarnationOf(known.value) } : undefined;
      const documents = own === undefined ? undefined : this.#documentsOf?.(tenantId, own);
      if (own !== undefined) await documents?.retire(tenantId, own);
      const removed = await index.remove(name, lease);
      if (removed.ok) await documents?.erase(tenantId);
      if (!isAbsent(removed)) return removed;
      const still = await isTaken();
      return still.ok && !still.value ? removed : indexLost(name);
    });
  }

  close(tenantId: TenantId): Promise<Outcome<readonly string[]>> {
    return ask(UNREACHABLE, () => this.#registered(tenantId, [], (registry) => registry.close(API_LIMITS.pageMaxCount)));
  }

  taken(tenantId: TenantId): Promise<Outcome<readonly string[]>> {
    return ask(UNREACHABLE, () => this.#registered(tenantId, [], (registry) => registry.taken(API_LIMITS.pageMaxCount)));
  }

  list(tenantId: TenantId, after: string | undefined, limit: number): Promise<Outcome<IndexPage>> {
    return ask(UNREACHABLE, () => this.#registered(tenantId, { indexes: [], hasMore: false }, (registry) => registry.page(after, limit)));
  }

  changeAliases(tenantId: TenantId, actions: readonly AliasAction[], authority: Authority): Promise<Outcome<null>> {
    return this.#commit(authority, 'the aliases may not have been changed: look at them', async (lease) => {
      const registry = await this.#registries.find(tenantId);
      if (!registry.ok) return registry;
      if (registry.value !== undefined) return registry.value.changeAliases(actions, lease);
      const changed = changedAliases(actions, NO_NAMES);
      return changed.ok ? ok(null) : changed;
    });
  }

  listAliases(tenantId: TenantId, index: string | undefined, after: string | undefined, limit: number): Promise<Outcome<AliasPage>> {
    return ask(UNREACHABLE, () =>
      this.#registered(tenantId, { aliases: [], hasMore: false }, (registry) => registry.aliasPage(index, after, limit)),
    );
  }

  /** Calls the index of that name, or which an alias of that name stands for. */
  async #named<T>(tenantId: TenantId, name: string, call: IndexCall<T>): Promise<Outcome<T>> {
    if (this.#seen.has(indexObjectName(tenantId, name))) {
      const known = await this.#called(tenantId, name, call);
      if (known.ok || known.error.code !== 'index_not_found') return known;
    }
    const nameOf = (): Promise<Outcome<string | undefined>> => this.#registered(tenantId, undefined, (registry) => registry.nameOf(name));
    const target = await nameOf();
    if (!target.ok) return target;
    if (target.value === undefined) return indexNotFound(name);
    const found = await this.#called(tenantId, target.value, call);
    if (!isAbsent(found)) return found;
    const still = await nameOf();
    return still.ok && still.value !== target.value ? found : indexLost(target.value);
  }

  /** What the tenant's registry answers; `absent` when it never had one. */
  async #registered<T>(tenantId: TenantId, absent: T, call: (registry: RegistryStub) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const registry = await this.#registries.find(tenantId);
    if (!registry.ok) return registry;
    return registry.value === undefined ? ok(absent) : call(registry.value);
  }

  async #called<T>(tenantId: TenantId, name: string, call: IndexCall<T>): Promise<Outcome<T>> {
    const object = indexObjectName(tenantId, name);
    const answer = await call(this.#index(tenantId, name), name);
    this.#seen.delete(object);
    if (answer.ok) this.#seen.add(object);
    dropOldest(this.#seen, INDEX_LIMITS.indexManifestsMaxCount);
    return answer;
  }

  #commit<T>(
    authority: Authority | null,
    unsure: string,
    step: (lease: WriteLease | undefined) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    return underAuthority(authority, (lease) => ask(unsure, () => step(lease)));
  }

  #index(tenantId: TenantId, name: string): IndexStub {
    return this.#indexes.getByName(indexObjectName(tenantId, name));
  }
}

/** An index in the registry may have been deleted since; if the registry still has it, it was not. */
const isAbsent = (outcome: Outcome<unknown>): boolean => !outcome.ok && outcome.error.code === 'index_not_found';

/** What a tenant without a registry has. */
const NO_NAMES = { isIndex: () => false, isListed: () => false, targetOf: () => undefined, aliasCount: 0 };
