import { RECALL_TARGET_DEFAULT } from '../../../../src/contract/indexes/index-settings.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { embeddingFor } from '../../../../src/index/index-manifest.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { replied, seconds } from '../wire.ts';
import { searchSettingsReplyOf } from './search-settings.ts';
import { fieldsReplyOf } from './fields-reply.ts';

export const indexHandlers = {
  createIndex: (call) => replied(call.gateway.retrieval.indexes.create(call, call.body, call.idempotencyKey), indexReply),

  listIndexes: ({ gateway, principal, query }) =>
    replied(gateway.retrieval.indexes.list(principal.tenantId, query.after, query.limit), ({ indexes, hasMore }) => ({
      object: 'list' as const,
      data: indexes.map(indexReply),
      has_more: hasMore,
    })),

  describeIndex: ({ gateway, principal, params }) => replied(gateway.retrieval.indexes.describe(principal, params.index), describedReply),

  indexStats: async ({ gateway, principal, params }) => {
    const found = await gateway.retrieval.indexes.stats(principal, params.index);
    if (!found.ok) return found;
    const {
      manifest,
      lsn,
      count,
      countMax,
      shards,
      replicas = manifest.replicas?.length ?? 0,
      namespaces,
      storageBytes,
      memoryBytes,
    } = found.value;
    const reply = {
      object: 'index.stats' as const,
      name: manifest.name,
      generation: manifest.generation,
      lsn,
      vectors: count,
      vectors_max: countMax,
      shards,
      replicas,
      namespaces,
      storage_bytes: storageBytes,
      memory_bytes: memoryBytes,
    };
    return { ok: true, reply, used: {} };
  },

  deleteIndex: async ({ gateway, principal, authority, params }) => {
    const removed = await gateway.retrieval.indexes.remove(principal.tenantId, params.index, authority);
    if (!removed.ok) return removed;
    const { id, vectors, objects, lost, bytes } = removed.value;
    const reply = {
      object: 'index.deleted' as const,
      id,
      name: params.index,
      deleted: true as const,
      vectors,
      objects,
      objects_lost: lost,
      bytes,
    };
    return { ok: true, reply, used: {} };
  },

  verifyIndexErasure: async ({ gateway, principal, params }) => {
    const verified = await gateway.retrieval.erasures.verify(principal.tenantId, params.erasure);
    if (!verified.ok) return verified;
    const { erasure, remaining } = verified.value;
    const { id, name, erasedAtMs, vectors, shards, locators = [], replicas = [], lost = [], bytes } = erasure;
    const reply = {
      object: 'index.erasure' as const,
      id,
      name,
      erased_at: seconds(erasedAtMs),
      vectors,
      objects: shards.length + locators.length + replicas.length + ITSELF,
      objects_lost: lost.length,
      bytes,
      remaining,
      verified: remaining === 0,
    };
    return { ok: true, reply, used: {} };
  },
} satisfies Partial<Handlers>;

function indexReply(manifest: IndexManifest) {
  const { id, name, dimensions, metric, recall, embedding, shardVectorsMax = null, owner, createdS, generation } = manifest;
  const queries = embeddingFor(manifest, 'queries');
  return {
    object: 'index' as const,
    id,
    name,
    dimensions: dimensions === 0 ? null : dimensions,
    metric,
    recall: recall ?? RECALL_TARGET_DEFAULT,
    model: embedding?.model ?? null,
    contract_hash: embedding?.contractHash ?? null,
    query_model: queries?.model ?? null,
    query_contract_hash: queries?.contractHash ?? null,
    retrieval_quality: embedding?.retrievalQuality ?? null,
    shard_vectors_max: shardVectorsMax,
    fields: fieldsReplyOf(manifest.fields),
    owner,
    created: createdS,
    generation,
  };
}

const describedReply = (manifest: IndexManifest) => ({
  ...indexReply(manifest),
  search_settings: manifest.searchSettings === undefined ? null : searchSettingsReplyOf(manifest.searchSettings),
});

/** The index's own object, in addition to those that held its vectors or located them. */
const ITSELF = 1;
