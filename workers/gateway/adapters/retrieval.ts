import { Indexes } from '../../../src/gateway/indexes.ts';
import { ManifestCache } from '../../../src/gateway/manifest-cache.ts';
import { RecallMeasurement } from '../../../src/gateway/recall-measurement.ts';
import type { TextEmbedder } from '../../../src/gateway/text-embedder.ts';
import { VectorSpace } from '../../../src/gateway/vector-space.ts';
import { Vectors } from '../../../src/gateway/vectors.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import type { Rng } from '../../../src/kernel/rng.ts';
import type { GatewayEnv } from '../env.ts';
import { DurableIndexes } from './durable-indexes.ts';
import { DurableShards } from './durable-shards.ts';

/** Indexes and their vectors. */
export interface Retrieval {
  readonly indexes: Indexes;
  readonly vectors: Vectors;
  readonly recall: RecallMeasurement;
}

export function wireRetrieval(env: GatewayEnv, clock: Clock, rng: Rng, embedder: TextEmbedder): Retrieval {
  const directory = new DurableIndexes(env.INDEX, env.REGISTRY);
  const shards = new DurableShards(env.SHARD);
  const manifests = new ManifestCache(directory, clock);
  return {
    indexes: new Indexes({ directory, shards, manifests, embedder, clock, rng }),
    vectors: new Vectors({ manifests, shards, space: new VectorSpace(embedder) }),
    recall: new RecallMeasurement({ manifests, shards, rng }),
  };
}
