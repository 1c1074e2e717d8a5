import { recommend } from '../../../../src/ann/shard/query-point.ts';
import type { VectorColumns } from '../../../../src/ann/shard-protocol.ts';
import type { Metric } from '../../../../src/contract/indexes/index-settings.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { PointQuery, VectorInput } from '../../../../src/contract/qdrant/query.ts';
import type { OnIndex } from '../../../../src/gateway/vectors/vectors.ts';
import type { IndexRef } from '../../../../src/gateway/indexes/index-ref.ts';
import { withoutTexts } from '../../../../src/gateway/vectors/vector-space.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { PointCall } from './call.ts';
import { inQdrantWords } from './call.ts';

export type Recommendation = Extract<PointQuery, { kind: 'recommend' }>;

/** Where to search; a match's closeness to there, times `scale`, is its score. */
export interface RecommendedPoint {
  readonly values: Float32Array<ArrayBuffer>;
  readonly scale: number;
}

export const idsOf = (inputs: readonly VectorInput[]): string[] => inputs.flatMap((input) => (input.kind === 'id' ? [input.id] : []));

/** Where examples of any kind lead. Refuses with `vector_not_found` or `dimension_mismatch`, naming the example. */
export async function recommendedPoint(call: PointCall, collection: IndexRef, query: Recommendation): Promise<Outcome<RecommendedPoint>> {
  const ids = [...new Set(idsOf([...query.positive, ...query.negative]))];
  const include = { include_values: true, include_metadata: false, include_text: false, include_fields: false };
  const found = await call.gateway.retrieval.vectors.fetch(withoutTexts(call), collection, {
    ids,
    namespace: '',
    consistency: 'strong' as const,
    ...include,
  });
  if (!found.ok) return inQdrantWords(found.error);
  const stored = storedVectors(found.value);
  const { dimensions, metric } = found.value.manifest;
  const positive = vectorsOf(query.positive, 'positive', stored, dimensions);
  if (!positive.ok) return positive;
  const negative = vectorsOf(query.negative, 'negative', stored, dimensions);
  if (!negative.ok) return negative;
  if (query.strategy === 'sum_scores') return summed(metric, positive.value, negative.value);
  return ok({ values: recommend(metric, positive.value, negative.value), scale: 1 });
}

function storedVectors({ ids, values, manifest: { dimensions } }: OnIndex<VectorColumns>): Map<string, Float32Array> {
  const all = must(values, 'values were asked for');
  return new Map(ids.map((id, at) => [id, all.subarray(at * dimensions, (at + 1) * dimensions)]));
}

function vectorsOf(
  inputs: readonly VectorInput[],
  side: string,
  stored: ReadonlyMap<string, Float32Array>,
  dimensions: number,
): Outcome<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (const [i, input] of inputs.entries()) {
    const path = [side, i];
    const vector = input.kind === 'values' ? input.values : stored.get(input.id);
    if (vector === undefined) return refuse('vector_not_found', 'there is no such point', path);
    if (vector.length === dimensions) vectors.push(vector);
    else return refuse('dimension_mismatch', `has ${vector.length} numbers; the collection has ${dimensions} dimensions`, path);
  }
  return ok(vectors);
}

const FLOAT32_MAX = 3.402_823_466_385_288_6e38;

/**
 * Where closeness is a product, the sum of those to some vectors is that to their sum: of unit vectors, where only directions count.
 */
function summed(metric: Metric, positive: readonly Float32Array[], negative: readonly Float32Array[]): Outcome<RecommendedPoint> {
  if (metric === 'l2')
    return refuse('invalid_value', 'strategy: distances do not add up: `sum_scores` goes with `Cosine` and `Dot`', 'strategy');
  const sum = new Float64Array(must(positive[0] ?? negative[0], 'there is an example').length);
  for (const [sign, vectors] of [
    [1, positive],
    [-1, negative],
  ] as const) {
    for (const vector of vectors) {
      const weight = metric === 'cosine' ? sign / (lengthOf(vector) || 1) : sign;
      for (const [i, x] of vector.entries()) sum[i] = (sum[i] ?? 0) + x * weight;
    }
  }
  const values = Float32Array.from(sum, (x) => Math.max(-FLOAT32_MAX, Math.min(FLOAT32_MAX, x)));
  return ok({ values, scale: metric === 'cosine' ? lengthOf(sum) : 1 });
}

const lengthOf = (vector: Float32Array | Float64Array): number =>
  Math.sqrt((vector as Float64Array).reduce((total, x) => total + x * x, 0));
