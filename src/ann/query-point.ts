import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import { must } from '../kernel/assert.ts';
import { ok } from '../kernel/result.ts';
import { recommend } from './recommend.ts';
import type { QueryTarget } from './shard-protocol.ts';
import type { ShardHeader } from './shard-header.ts';
import type { VectorStore } from './vector-store.ts';

/** The point that a query searches around. Refuses with `vector_not_found`, naming the field, when a stored vector it needs is not there. */
export function pointOf(
  store: Pick<VectorStore, 'valuesOf'>,
  target: QueryTarget,
  namespace: number | undefined,
  header: ShardHeader,
): Outcome<Float32Array> {
  if (target.kind === 'values') return ok(target.values);
  const wanted = target.kind === 'id' ? { id: [target.id] } : { positive_ids: target.positive, negative_ids: target.negative };
  const stored = new Map<string, Float32Array>();
  for (const [field, ids] of Object.entries(wanted)) {
    for (const [i, id] of ids.entries()) {
      const values = namespace === undefined ? undefined : store.valuesOf(namespace, id, header);
      const path = target.kind === 'id' ? [field] : [field, i];
      if (values === undefined) return refuse('vector_not_found', 'there is no vector with this id in the namespace', path);
      stored.set(id, values);
    }
  }
  const valuesOf = (id: string) => must(stored.get(id), 'every example was read');
  if (target.kind === 'id') return ok(valuesOf(target.id));
  return ok(recommend(header.metric, target.positive.map(valuesOf), target.negative.map(valuesOf)));
}

/** Examples are no matches: the caller knows them already. */
export const excluded = (ids: readonly string[], target: QueryTarget): readonly string[] =>
  target.kind === 'examples' ? [...ids, ...target.positive, ...target.negative] : ids;
