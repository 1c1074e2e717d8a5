import { shardBudget } from '../../index/resharding/shard-budget.ts';
import type { AnnotationChange, IndexAnnotations } from '../../index/index-annotations.ts';
import type { DeletedIndex } from '../../index/index-lifecycle.ts';
import type { IndexManifest, IndexPage } from '../../index/index-manifest.ts';
import { modelsOf } from '../../index/index-manifest.ts';
import type { Progress } from '../../ann/shard-operations.ts';
import type { ShardStats } from '../../ann/shard-protocol.ts';
import type { CreateIndexBody } from '../../contract/indexes/indexes.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { RECALL_TARGET_DEFAULT } from '../../contract/indexes/index-settings.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { IndexId, TenantId } from '../../kernel/ids.ts';
import { base32 } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { Acting } from '../tenancy/authority.ts';
import { mayTouchModels } from '../tenancy/authority.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';
import type { EmbeddingSpace, TextEmbedder } from '../embeddings/text-embedder.ts';
import { embeddingSpace } from '../embeddings/text-embedder.ts';
import type { IndexDirectory } from './index-directory.ts';
import type { IndexRef, IndexUser, PinnedIndex } from './index-ref.ts';
import { mayTouchIndex, onIndex, onOneIndex } from './index-ref.ts';
import { pinnedFields } from './pinned-fields.ts';
import type { IndexShards } from '../../index/shards/index-shards.ts';
import type { ManifestCache } from './manifest-cache.ts';
import { requestDigest } from '../tenancy/subject.ts';
import { Composed } from '../api/composed.ts';

// 80 bits: no two indexes ever share one.
const INDEX_ID_CHARS = 16;

interface IndexStats extends ShardStats {
  readonly manifest: IndexManifest;
  /** With as many shards as there may be. */
  readonly countMax: number;
}

interface IndexesParts {
  readonly directory: IndexDirectory;
  readonly shards: IndexShards;
  readonly manifests: ManifestCache;
  readonly embedder: Pick<TextEmbedder, 'contractOf'>;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** Creates, lists and deletes the indexes of a tenant. */
export class Indexes extends Composed<IndexesParts> {
  /** Refuses with `model_not_found` or `scope_denied` a model, and as the directory does. */
  async create(
    { principal, authority }: Acting,
    body: CreateIndexBody,
    idempotencyKey: string | undefined,
  ): Promise<Outcome<IndexManifest>> {
    const { directory, clock, rng } = this.parts;
    const space = await this.#space(principal.tenantId, body);
    if (!space.ok) return space;
    // [T55] What an alias stands for, too.
    const fields = await pinnedFields(this.parts.embedder, principal.tenantId, body.fields ?? {});
    if (!fields.ok) return fields;
    const touched = mayTouchModels(principal, modelsOf({ ...space.value, fields: fields.value }));
    if (!touched.ok) return touched;
    const id = `ix_${base32(rng.bytes(INDEX_ID_CHARS))}` as IndexId;
    const manifest: IndexManifest = {
      id,
      firstId: id,
      tenantId: principal.tenantId,
      name: body.name,
      ...space.value,
      metric: body.metric,
      recall: body.recall ?? RECALL_TARGET_DEFAULT,
      ...(body.shard_vectors_max === undefined ? {} : { shardVectorsMax: body.shard_vectors_max }),
      ...(body.fields === undefined ? {} : { fields: fields.value }),
      owner: body.owner ?? principal.owner,
      createdS: Math.floor(clock.nowMs() / 1000),
      generation: 1,
    };
    const bodyDigest = await requestDigest(principal, 'index.create', body);
    return directory.create(manifest, { idempotencyKey: idempotencyKey ?? null, bodyDigest }, authority);
  }

  list(tenantId: TenantId, after: string | undefined, limit: number): Promise<Outcome<IndexPage>> {
    return this.parts.directory.list(tenantId, after, limit);
  }

  async describe(user: IndexUser, name: string): Promise<Outcome<IndexManifest>> {
    const described = await this.parts.directory.describe(user.tenantId, name);
    const touched = described.ok ? mayTouchIndex(user, described.value) : described;
    return touched.ok ? described : touched;
  }

  /** Does work of several steps on the index that has the name, and on no other that gets it meanwhile. */
  onOne<T>(user: IndexUser, index: IndexRef, work: (pin: PinnedIndex) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    return onOneIndex(this.parts.manifests, user, index, work);
  }

  /** What clients of another vector database declared about an index. */
  async annotations(user: IndexUser, name: string): Promise<Outcome<IndexAnnotations>> {
    const described = await this.describe(user, name);
    return described.ok ? this.parts.directory.annotate(user.tenantId, name, [], null) : described;
  }

  /** The same, after these changes. */
  async annotate({ principal, authority }: Acting, name: string, changes: readonly AnnotationChange[]): Promise<Outcome<IndexAnnotations>> {
    const described = await this.describe(principal, name);
    return described.ok ? this.parts.directory.annotate(principal.tenantId, name, changes, authority) : described;
  }

  /** Null: Sluice itself, as it erases a tenant. */
  remove(tenantId: TenantId, name: string, authority: Authority | null): Promise<Outcome<DeletedIndex>> {
    return this.parts.directory.remove(tenantId, name, authority);
  }

  stats(user: IndexUser, name: string): Promise<Outcome<IndexStats>> {
    const { manifests, shards } = this.parts;
    return onIndex(manifests, user, name, async (manifest) => {
      const stats = await shards.of(manifest).stats();
      return stats.ok ? ok({ ...stats.value, manifest, countMax: INDEX_LIMITS.shardsPerIndexMaxCount * shardBudget(manifest) }) : stats;
    });
  }

  /** How far background work is behind the writes. */
  progress(user: IndexUser, name: string): Promise<Outcome<Progress>> {
    const { manifests, shards } = this.parts;
    return onIndex(manifests, user, name, (manifest) => shards.of(manifest).read('progress', { indexId: manifest.id }));
  }

  /** The vector space of a new index: that of its model, any with this many dimensions, or none. */
  async #space(tenantId: TenantId, body: CreateIndexBody): Promise<Outcome<EmbeddingSpace>> {
    if (body.model !== undefined) return embeddingSpace(this.parts.embedder, tenantId, body.model, body.query_model);
    return ok({ dimensions: body.dimensions ?? 0, embedding: null });
  }
}
