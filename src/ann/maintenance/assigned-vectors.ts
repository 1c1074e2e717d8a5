import { must } from '../../kernel/assert.ts';
import type { ListSet } from '../engine/list-set.ts';
import { prepare } from '../lists/list-model.ts';
import type { PlacedVector, Row } from '../stored-vector.ts';
import type { MaintainedShard } from './maintained-shard.ts';

/** Vectors in the space of a list set's model. */
export interface PreparedVectors {
  readonly rows: readonly Row[];
  /** [rows.length x dimensions] */
  readonly values: Float32Array;
}

/** Vectors and the lists they belong to, in the order of the lists: those of one list are neighbours. */
export interface AssignedVectors extends PreparedVectors {
  readonly lists: Uint32Array;
}

export function prepareVectors({ model }: ListSet, vectors: Iterable<PlacedVector>): PreparedVectors {
  const all = [...vectors];
  const values = new Float32Array(all.length * model.dimensions);
  all.forEach((vector, i) => values.set(vector.values, i * model.dimensions));
  prepare(model, values, values);
  return { rows: all.map(({ row }) => row), values };
}

/** Assigns each vector to the nearest list. */
export function assignVectors(shard: MaintainedShard, listSet: ListSet, vectors: PreparedVectors): AssignedVectors {
  const lists = shard.lists.encoder(listSet).assign(vectors.values, vectors.rows.length);
  return inListOrder(vectors, lists, listSet.model.dimensions);
}

/** `lists` has the list of each vector. */
export function inListOrder({ rows, values }: PreparedVectors, lists: ArrayLike<number>, dimensions: number): AssignedVectors {
  const order = Array.from(rows.keys()).sort((a, b) => lists[a]! - lists[b]!);
  const ordered = new Float32Array(values.length);
  order.forEach((from, to) => ordered.set(values.subarray(from * dimensions, (from + 1) * dimensions), to * dimensions));
  return {
    rows: order.map((i) => must(rows[i], 'i lies within the rows')),
    values: ordered,
    lists: Uint32Array.from(order, (i) => lists[i]!),
  };
}
