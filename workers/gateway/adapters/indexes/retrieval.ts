import { waitUntil } from 'cloudflare:workers';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { PlanBody } from '../../../../src/contract/vectors/plans/plans.ts';
import type { QueryBody } from '../../../../src/contract/vectors/vectors.ts';
import { CacheHoldings } from '../../../../src/gateway/caches/cache-holdings.ts';
import { Aliases } from '../../../../src/gateway/indexes/aliases.ts';
import { BulkTokens } from '../../../../src/gateway/vectors/bulk/bulk-tokens.ts';
import { Exports } from '../../../../src/gateway/vectors/bulk/exports.ts';
import { Imports } from '../../../../src/gateway/vectors/bulk/imports.ts';
import { Erasures } from '../../../../src/gateway/indexes/erasures.ts';
import { GenerationService } from '../../../../src/gateway/indexes/generations/generation-service.ts';
import { GenerationWork } from '../../../../src/gateway/indexes/generations/generation-work.ts';
import { Indexes } from '../../../../src/gateway/indexes/indexes.ts';
import { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import { RecallMeasurement } from '../../../../src/gateway/vectors/recall-measurement.ts';
import { QueryCache } from '../../../../src/gateway/vectors/query-cache.ts';
import { VectorChanges } from '../../../../src/gateway/vectors/vector-changes.ts';
import { VectorListing } from '../../../../src/gateway/vectors/vector-listing.ts';
import { FieldPoints } from '../../../../src/gateway/vectors/field-points.ts';
import { FieldSpace } from '../../../../src/gateway/vectors/field-space.ts';
import { Upserts } from '../../../../src/gateway/vectors/upserts.ts';
import type { EmbeddingCaller } from '../../../../src/gateway/vectors/vector-space.ts';
import { VectorSpace } from '../../../../src/gateway/vectors/vector-space.ts';
import { planKind } from '../../../../src/gateway/vectors/plans/plan-kind.ts';
import type { FoundPlan, PlanCaller } from '../../../../src/gateway/vectors/plans/plans.ts';
import { TunedIndexes } from '../../../../src/gateway/vectors/judged/tuned-indexes.ts';
import { Evaluations } from '../../../../src/gateway/vectors/judged/evaluations.ts';
import { Plans } from '../../../../src/gateway/vectors/plans/plans.ts';
import type { FoundMatches } from '../../../../src/gateway/vectors/query-kind.ts';
import { queryKind } from '../../../../src/gateway/vectors/query-kind.ts';
import { Searches } from '../../../../src/gateway/vectors/searches.ts';
import { ServedRows } from '../../../../src/gateway/vectors/visible/served-rows.ts';
import { Vectors } from '../../../../src/gateway/vectors/vectors.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import { MODEL_CATALOGUE } from '../../../inference/deployed-models.ts';
import { requestWakeUps } from '../../../inference/request-wake-ups.ts';
import { TenantAuthority } from '../../../../src/gateway/tenancy/tenant-authority.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { base32 } from '../../../../src/kernel/ids.ts';
import { TenantRegistries } from './tenant-registries.ts';
import type { Embedding } from '../../compose-embeddings.ts';
import type { GatewayEnv } from '../../env.ts';
import { tokenCounterOf } from '../documents/token-counter.ts';
import { documentsIn, rowReadersIn } from '../documents/documents-in.ts';
import { Documents } from '../../../../src/gateway/documents/documents.ts';
import { VectorRows } from '../../../../src/gateway/documents/vector-rows.ts';
import { DurableErasures } from './durable-erasures.ts';
import { FollowedIndex } from '../../../../src/gateway/indexes/generations/followed-index.ts';
import { DurableFollowedObjects, DurableGenerations, wakeOf } from './durable-generations.ts';
import { DurableIndexes } from './durable-indexes.ts';
import { wireShards } from './index-shards.ts';
import { sha256 } from '../api/sha256.ts';
import { sleep, systemTimer } from '../../../../durable-objects/system-time.ts';

/** Characters of the keys of requests that came without one: 80 bits, for as long as they are remembered. */
const OWN_KEY_CHARS = 16;

/** What the deployment's models reach in retrieval, by embedding contract. */
const QUALITIES: ReadonlyMap<string, number> = new Map(
  MODEL_CATALOGUE.flatMap(({ contractHash, retrievalQuality }) =>
    retrievalQuality === undefined ? [] : [[contractHash, retrievalQuality]],
  ),
);

/** Queries and plans share what results of searches may take: each kind has half. */
const QUERY_BOUNDS = { entriesMax: VECTOR_LIMITS.queryCacheEntriesMax / 2, bytesMax: VECTOR_LIMITS.queryCacheBytesMax / 2 };

/** Indexes and their vectors. */
export interface Retrieval {
  readonly indexes: Indexes;
  readonly aliases: Aliases;
  readonly vectors: Vectors;
  readonly upserts: Upserts;
  readonly listing: VectorListing;
  readonly changes: VectorChanges;
  readonly searches: Searches;
  readonly queries: QueryCache<EmbeddingCaller, QueryBody, FoundMatches>;
  readonly planQueries: QueryCache<PlanCaller, PlanBody, FoundPlan>;
  readonly evaluations: Evaluations;
  readonly tunedIndexes: TunedIndexes;
  readonly recall: RecallMeasurement;
  readonly imports: Imports;
  readonly exports: Exports;
  readonly documents: Documents;
  readonly documentRows: VectorRows;
  readonly erasures: Erasures;
  readonly generations: GenerationService;
  readonly generationWork: GenerationWork;
}

export function wireRetrieval(env: GatewayEnv, gateway: Embedding): Retrieval {
  const { clock, rng, metrics, countCache: count, countInputs } = gateway;
  const { organisations, budget } = gateway.tenancy;
  const { anyEmbedder: embedder, reranker, purges } = gateway.embeddings;
  const registries = new TenantRegistries(env.REGISTRY, organisations);
  const directory = new DurableIndexes(env.INDEX, registries, documentsIn(env));
  const shards = wireShards(env, gateway);
  const manifests = new ManifestCache(directory, clock, sleep, waitUntil);
  const store = new DurableGenerations(env.INDEX);
  const followed = new FollowedIndex(new DurableFollowedObjects(env));
  const space = new VectorSpace(embedder);
  const authorityOf = (tenantId: TenantId) => new TenantAuthority(organisations, clock, tenantId);
  const tokens = new BulkTokens(new Hmac(must(env.SLUICE_KEY_PEPPER, 'the secret binding SLUICE_KEY_PEPPER')));
  const fields = new FieldSpace(embedder);
  const served = new ServedRows({ readersOf: rowReadersIn(env), clock });
  const vectors = new Vectors({ manifests, shards, space, fields, served });
  const fieldPoints = new FieldPoints({ embedder, shards });
  const searches = new Searches({ manifests, shards, space, fieldPoints, served, countInputs });
  const plans = new Plans({ manifests, shards, space, embedder, reranker, served, qualities: QUALITIES, clock, timer: systemTimer });
  const holdings = new CacheHoldings();
  const caching = { manifests, shards, served, embedder, purges, clock, sha256, count, holdings, wakeUps: requestWakeUps };
  const queries = new QueryCache({ ...caching, kind: queryKind(searches), bounds: QUERY_BOUNDS });
  const planQueries = new QueryCache({ ...caching, kind: planKind({ plans, embedder, reranker, clock }), bounds: QUERY_BOUNDS });
  metrics.gauge('sluice_cache_entries', { cache: 'queries' }, () => queries.held.entries + planQueries.held.entries);
  metrics.gauge('sluice_cache_bytes', { cache: 'queries' }, () => queries.held.bytes + planQueries.held.bytes);
  return {
    aliases: new Aliases({ directory, sleep }),
    indexes: new Indexes({ directory, shards, manifests, embedder, clock, rng }),
    vectors,
    upserts: new Upserts({ manifests, space, fields, vectors, newId: () => base32(rng.bytes(OWN_KEY_CHARS)) }),
    listing: new VectorListing({ manifests, shards }),
    changes: new VectorChanges({ manifests, shards, space, fields }),
    searches,
    queries,
    planQueries,
    evaluations: new Evaluations({ manifests, shards, plans, clock, giveWay: () => sleep(0) }),
    tunedIndexes: new TunedIndexes({ directory, manifests }),
    recall: new RecallMeasurement({ manifests, shards, rng }),
    imports: new Imports({ vectors, manifests, space, budget, tokens, rng, sleep }),
    documents: new Documents({
      manifests,
      clock,
      documentsOf: documentsIn(env),
      files: async () => {
        const { composeControl } = await import('../../compose-control.ts');
        return composeControl(env).heavy.files;
      },
    }),
    documentRows: new VectorRows({
      manifests,
      vectors,
      embedder,
      budget,
      authorityOf,
      counterOf: (_, embedding) => tokenCounterOf(gateway.embeddings.models, embedding),
    }),
    erasures: new Erasures(new DurableErasures(env, registries)),
    exports: new Exports({ manifests, shards, served, tokens, sleep }),
    generations: new GenerationService({ store, directory, embedder, wake: wakeOf(env), clock, rng, sleep }),
    generationWork: new GenerationWork({ store, followed, shards, embedder, budget, clock, authorityOf }),
  };
}
