import type { Metric } from '../../contract/indexes/index-settings.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import { finite } from '../float32.ts';
import type { QueryTarget } from '../shard-protocol.ts';

/** The point that a query searches around. Refuses with `vector_not_found`, naming the field, when a stored vector it needs is not there. */
export function pointOf(
  target: QueryTarget,
  metric: Metric,
  storedValues: (id: string) => Float32Array<ArrayBuffer> | undefined,
): Outcome<Float32Array<ArrayBuffer>> {
  if (target.kind === 'values') return ok(target.values);
  const wanted = target.kind === 'id' ? { id: [target.id] } : { positive_ids: target.positive, negative_ids: target.negative };
  const stored = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [field, ids] of Object.entries(wanted)) {
    for (const [i, id] of ids.entries()) {
      const values = storedValues(id);
      const path = target.kind === 'id' ? [field] : [field, i];
      if (values === undefined) return refuse('vector_not_found', 'there is no vector with this id in the namespace', path);
      stored.set(id, values);
    }
  }
  const valuesOf = (id: string) => must(stored.get(id), 'every example was read');
  if (target.kind === 'id') return ok(valuesOf(target.id));
  return ok(recommend(metric, target.positive.map(valuesOf), target.negative.map(valuesOf)));
}

/** The ids of stored vectors that it takes. */
export const idsOf = (target: QueryTarget): readonly string[] =>
  target.kind === 'values' ? [] : target.kind === 'id' ? [target.id] : [...new Set([...target.positive, ...target.negative])];

/** Examples are no matches: the caller knows them already. */
export const excluded = (ids: readonly string[], target: QueryTarget): readonly string[] =>
  target.kind === 'examples' ? [...ids, ...target.positive, ...target.negative] : ids;

/**
 * Where to search for vectors like some examples and unlike others: twice the mean of the former less the mean of the latter, or the
 * mean of the former alone. For cosines the examples count by their directions only. At least one is positive.
 */
export function recommend(metric: Metric, positive: readonly Float32Array[], negative: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const towards = mean(metric, positive);
  const away = negative.length === 0 ? towards : mean(metric, negative);
  const target = towards.map((x, i) => 2 * x - (away[i] ?? 0));
  return Float32Array.from(target, finite);
}

function mean(metric: Metric, vectors: readonly Float32Array[]): Float64Array {
  const sum = new Float64Array(must(vectors[0], 'a mean is of something').length);
  for (const values of vectors) {
    const weight = (metric === 'cosine' ? 1 / lengthOf(values) : 1) / vectors.length;
    for (const [i, x] of values.entries()) sum[i]! += x * weight;
  }
  return sum;
}

/** A zero vector has no direction: it adds nothing, whatever its stored length. */
const lengthOf = (values: Float32Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0)) || 1;
