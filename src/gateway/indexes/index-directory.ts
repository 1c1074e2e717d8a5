import type { AliasAction, AliasPage } from '../../index/aliases.ts';
import type { AnnotationChange, IndexAnnotations } from '../../index/index-annotations.ts';
import type { Creation, DeletedIndex } from '../../index/index-lifecycle.ts';
import type { IndexManifest, IndexPage } from '../../index/index-manifest.ts';
import type { SearchSettingsBody } from '../../contract/indexes/search-settings.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';

/** Which indexes there are. Every call may be refused with `unavailable`. */
export interface IndexDirectory {
  /** Refuses with `already_exists`, `limit_exceeded` or `idempotency_mismatch`. */
  create(manifest: IndexManifest, creation: Creation, authority: Authority): Promise<Outcome<IndexManifest>>;
  /**
   * The index of that name, or the one that an alias of that name stands for. Refuses with `index_not_found`. A caller that was refused for
   * the routes of `staleVersion` gets newer ones, if there are any soon.
   */
  describe(tenantId: TenantId, name: string, staleVersion?: number): Promise<Outcome<IndexManifest>>;
  /** From now on the tenant gets no index or alias. Returns the first names that are taken, listed or not. */
  close(tenantId: TenantId): Promise<Outcome<readonly string[]>>;
  /** The first names that are taken, listed or not. */
  taken(tenantId: TenantId): Promise<Outcome<readonly string[]>>;
  /** What is declared about an index, after these changes; null: there are none. Refuses with `index_not_found` or `limit_exceeded`. */
  annotate(
    tenantId: TenantId,
    name: string,
    changes: readonly AnnotationChange[],
    authority: Authority | null,
  ): Promise<Outcome<IndexAnnotations>>;
  /** Stores how an index is searched; null: as if nothing ever was. Answers the index. Refuses with `index_not_found` or `state_conflict`. */
  tune(tenantId: TenantId, name: string, settings: SearchSettingsBody | null, authority: Authority): Promise<Outcome<IndexManifest>>;
  /** By its own name only. Refuses with `index_not_found`. */
  remove(tenantId: TenantId, name: string, authority: Authority | null): Promise<Outcome<DeletedIndex>>;
  /** In the order of their names, those after `after`. */
  list(tenantId: TenantId, after: string | undefined, limit: number): Promise<Outcome<IndexPage>>;
  /** All or none. Refuses with `index_not_found`, `alias_not_found`, `already_exists` or `limit_exceeded`. */
  changeAliases(tenantId: TenantId, actions: readonly AliasAction[], authority: Authority): Promise<Outcome<null>>;
  /** In the order of their names, those after `after`; of one index, or of all. */
  listAliases(tenantId: TenantId, index: string | undefined, after: string | undefined, limit: number): Promise<Outcome<AliasPage>>;
}
