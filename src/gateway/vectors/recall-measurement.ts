import { estimateRecall, type RecallEstimate, shareOf } from '../../index/recall-estimate.ts';
import type { SearchCost } from '../../ann/search-cost.ts';
import { addCosts, NO_COST } from '../../ann/search-cost.ts';
import type { SampleRecall } from '../../ann/shard-protocol.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { RecallBody } from '../../contract/vectors/recall.ts';
import { assert } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { IndexRef, IndexUser } from '../indexes/index-ref.ts';
import { onIndex } from '../indexes/index-ref.ts';
import type { IndexShards } from '../../index/shards/index-shards.ts';
import type { ManifestCache } from '../indexes/manifest-cache.ts';
import { checkVectors } from './vector-space.ts';
import type { OnIndex } from './vectors.ts';
import { Composed } from '../api/composed.ts';

export interface MeasuredRecall {
  /** Undefined when there was nothing to measure. */
  readonly estimate: RecallEstimate | undefined;
  readonly sampleCount: number;
  /** The searches that missed most, worst first. */
  readonly worst: readonly SampleRecall[];
  /** Over all searches. */
  readonly cost: SearchCost;
  readonly exactCost: SearchCost;
  /** The write after which the vectors were drawn. */
  readonly lsn: number;
}

interface RecallMeasurementParts {
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly rng: Rng;
}

/** Measures what the searches of an index find, around its own vectors. */
export class RecallMeasurement extends Composed<RecallMeasurementParts> {
  /** Slice by slice: the shard answers others in between. Refuses as the shard does. */
  measure(user: IndexUser, index: IndexRef, body: RecallBody): Promise<Outcome<OnIndex<MeasuredRecall>>> {
    const { manifests, shards, rng } = this.parts;
    const { samples: count, top_k: topK, namespace, filter = null } = body;
    const [seed = 0] = new Uint32Array(rng.bytes(4).buffer);
    return onIndex(manifests, user, index, async (manifest) => {
      const searched = checkVectors(manifest, 'index');
      if (!searched.ok) return searched;
      const { id: indexId } = manifest;
      const drawn = await shards.of(manifest).read('sample', { indexId, namespace, count, seed });
      if (!drawn.ok) return drawn;
      const { ids, lsn } = drawn.value;
      const samples: SampleRecall[] = [];
      let [cost, exactCost] = [NO_COST, NO_COST];
      for (let at = 0; at < ids.length;) {
        const offered = ids.slice(at, at + VECTOR_LIMITS.recallSliceSamplesMaxCount);
        const slice = await shards.of(manifest).read('measureRecall', { indexId, namespace, ids: offered, topK, filter });
        if (!slice.ok) return slice;
        assert(slice.value.taken > 0, 'a slice takes at least one vector');
        at += slice.value.taken;
        samples.push(...slice.value.samples);
        cost = addCosts(cost, slice.value.cost);
        exactCost = addCosts(exactCost, slice.value.exactCost);
      }
      const measured = { estimate: estimateRecall(samples), sampleCount: samples.length, worst: worstOf(samples) };
      return ok({ ...measured, cost, exactCost, lsn, manifest });
    });
  }
}

const worstOf = (samples: readonly SampleRecall[]): SampleRecall[] =>
  samples
    .filter(({ found, of }) => found < of)
    .sort((a, b) => shareOf(a) - shareOf(b))
    .slice(0, VECTOR_LIMITS.recallWorstMaxCount);
