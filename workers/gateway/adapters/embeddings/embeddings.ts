import { waitUntil } from 'cloudflare:workers';

import { cacheLayoutOf } from '../../../../src/cache/cache-layout.ts';
import { Embedder } from '../../../../src/gateway/embeddings/embed.ts';
import { EmbeddingCache } from '../../../../src/gateway/embeddings/embedding-cache.ts';
import type { EmbeddingModels } from '../../../../src/gateway/embeddings/embedding-models.ts';
import { AnyEmbedder } from '../../../../src/gateway/embeddings/any-embedder.ts';
import { ModelRunners } from '../../../../src/gateway/models/model-runners.ts';
import { modelRoom } from '../../../../src/inference/served/model-room.ts';
import { ModelRoutes } from '../../../../src/gateway/models/model-routes.ts';
import { RegisteredEmbedder } from '../../../../src/gateway/embeddings/registered-embedder.ts';
import { PurgeViews } from '../../../../src/gateway/caches/purge-views.ts';
import { Reranker } from '../../../../src/gateway/embeddings/rerank.ts';
import { ShardedCache } from '../../../../src/gateway/caches/sharded-cache.ts';
import { requestWakeUps } from '../../../inference/request-wake-ups.ts';
import type { Gateway } from '../../compose.ts';
import type { GatewayEnv } from '../../env.ts';
import { cacheShards, TenantPurgeLogs } from '../caches/durable-caches.ts';
import { DeployedModels, staticModel } from './embedding-models.ts';
import { modelCalls } from '../models/model-calls.ts';
import { replicaCalls } from '../models/replica-calls.ts';
import { sha256 } from '../api/sha256.ts';

/** Texts in, vectors out: the parts of an isolate that know models and their cache. */
export interface Embeddings {
  readonly models: EmbeddingModels;
  readonly embedder: Embedder;
  /** Of registered models, too. */
  readonly anyEmbedder: AnyEmbedder;
  readonly reranker: Reranker;
  readonly purges: PurgeViews;
}

export function wireEmbeddings(env: GatewayEnv, { clock, metrics, countCache: count, countInputs }: Gateway): Embeddings {
  const onLoaded = (loadMs: number): void => metrics.observe('sluice_model_load_seconds', {}, loadMs / 1000);
  const models = new DeployedModels((manifest) => staticModel(env.ASSETS, clock, onLoaded, manifest), env.INFERENCE);
  const logs = new TenantPurgeLogs(env.PURGE_LOG);
  const purges = new PurgeViews({ logs, clock, wakeUps: requestWakeUps });
  const secondLevel = new ShardedCache({
    layout: cacheLayoutOf(env),
    shardOf: cacheShards(env.EMBEDDING_CACHE),
    background: waitUntil,
    onFailure: () => metrics.count('sluice_cache_shard_failures_total', {}),
  });
  const cache = new EmbeddingCache({ clock, purges, secondLevel, wakeUps: requestWakeUps });
  metrics.gauge('sluice_cache_entries', { cache: 'embeddings' }, () => cache.held.entries);
  metrics.gauge('sluice_cache_bytes', { cache: 'embeddings' }, () => cache.held.bytes);
  const embedder = new Embedder({ models, cache, sha256, count, countInputs });
  const inference = modelCalls(env.INFERENCE, metrics);
  const routes = new ModelRoutes((owner) => env.MODEL_REGISTRY.getByName(owner), clock);
  const runners = new ModelRunners({
    inference,
    replicas: replicaCalls(env),
    clock,
    standsBy: env.MODEL_REPLICAS === 'auto',
    room: modelRoom(env.MODEL_MEMORY_MIB),
  });
  const registered = new RegisteredEmbedder({ runners, cache, sha256, count });
  const anyEmbedder = new AnyEmbedder({ builtin: models.manifests, own: embedder, registered, routes });
  return {
    models,
    embedder,
    anyEmbedder,
    reranker: new Reranker({ builtin: models.manifests, embedder: anyEmbedder, routes, inference }),
    purges,
  };
}
