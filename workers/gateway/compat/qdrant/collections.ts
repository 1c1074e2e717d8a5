import type { IndexManifest } from '../../../../src/ann/index-manifest.ts';
import type { ShardStats } from '../../../../src/ann/shard-protocol.ts';
import { LIMITS } from '../../../../src/contract/limits.ts';
import { DISTANCE_BY_METRIC, qdrantCollectionEndpoints } from '../../../../src/contract/qdrant/collections.ts';
import type { Route } from '../../serve.ts';
import { route } from '../../serve.ts';
import { enveloped, updated } from './answer.ts';

const {
  qdrantListCollections,
  qdrantCollection,
  qdrantCollectionExists,
  qdrantCreateCollection,
  qdrantUpdateCollection,
  qdrantDeleteCollection,
  qdrantCreateFieldIndex,
  qdrantDeleteFieldIndex,
} = qdrantCollectionEndpoints;

export const qdrantCollectionRoutes: readonly Route[] = [
  route(qdrantListCollections, async (call) => {
    const { indexes } = call.gateway.retrieval;
    const page = await indexes.list(call.principal.tenantId, undefined, LIMITS.indexesPerTenantMaxCount);
    if (!page.ok) return page;
    return { ok: true, reply: enveloped(call, { collections: page.value.indexes.map(({ name }) => ({ name })) }), used: {} };
  }),

  route(qdrantCollection, async (call) => {
    const found = await call.gateway.retrieval.indexes.stats(call.principal, call.params.collection);
    return found.ok ? { ok: true, reply: enveloped(call, infoOf(found.value)), used: {} } : found;
  }),

  route(qdrantCollectionExists, async (call) => {
    const found = await call.gateway.retrieval.indexes.describe(call.principal, call.params.collection);
    if (!found.ok && found.error.code !== 'index_not_found') return found;
    return { ok: true, reply: enveloped(call, { exists: found.ok }), used: {} };
  }),

  route(qdrantCreateCollection, async (call) => {
    const { params, body } = call;
    const index = { name: params.collection, ...body.vectors };
    const created = await call.gateway.retrieval.indexes.create(call, index, undefined);
    return created.ok ? { ok: true, reply: enveloped(call, true as const), used: {} } : created;
  }),

  route(qdrantUpdateCollection, async (call) => {
    const found = await call.gateway.retrieval.indexes.describe(call.principal, call.params.collection);
    return found.ok ? { ok: true, reply: enveloped(call, true as const), used: {} } : found;
  }),

  route(qdrantDeleteCollection, async (call) => {
    const removed = await call.gateway.retrieval.indexes.remove(call.principal.tenantId, call.params.collection, call.authority);
    if (!removed.ok && removed.error.code !== 'index_not_found') return removed;
    return { ok: true, reply: enveloped(call, removed.ok), used: {} };
  }),

  ...[qdrantCreateFieldIndex, qdrantDeleteFieldIndex].map((endpoint) =>
    route(endpoint, async (call) => {
      const found = await call.gateway.retrieval.indexes.stats(call.principal, call.params.collection);
      return found.ok ? { ok: true, reply: enveloped(call, updated(call, found.value.lsn)), used: {} } : found;
    }),
  ),
];

/** What an index is, in the words of another engine; what has no meaning here has Qdrant's usual value. */
const infoOf = ({ manifest, count, shards }: ShardStats & { readonly manifest: IndexManifest }) => ({
  status: 'green' as const,
  optimizer_status: 'ok' as const,
  indexed_vectors_count: count,
  points_count: count,
  segments_count: 1,
  config: {
    params: {
      vectors: { size: manifest.dimensions, distance: DISTANCE_BY_METRIC[manifest.metric] },
      shard_number: shards,
      replication_factor: 1,
      write_consistency_factor: 1,
      on_disk_payload: true,
    },
    hnsw_config: { m: 16, ef_construct: 100, full_scan_threshold: 10_000 },
    optimizer_config: { default_segment_number: 0, flush_interval_sec: 5 },
  },
  payload_schema: {},
});
