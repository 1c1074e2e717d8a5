import { must } from '../../kernel/assert.ts';
import type { ResidentGeneration } from '../engine/resident-generation.ts';
import { centroidOf, centroidValues } from '../lists/list-model.ts';
import type { AssignedVectors } from './assigned-vectors.ts';
import { inListOrder } from './assigned-vectors.ts';
import { editLists } from './list-edit.ts';
import { squaredDistance } from './split-in-two.ts';
import type { MaintainedShard } from './maintained-shard.ts';

// How many times farther than usual from its centroid, squared, a vector has to lie.
const FAR = 16;
// Lists that one slice founds at most: where all vectors are strange, a new model is what helps.
const FOUNDED_MAX = 2;

/**
 * Vectors far from all centroids, such as the longest of a heavy tail, would be lost in the codes of their lists: the farthest of some
 * vectors found lists of their own, which those like them join.
 */
export function foundLists(shard: MaintainedShard, generation: ResidentGeneration, vectors: AssignedVectors): AssignedVectors {
  const { dimensions } = generation.model;
  const vector = (i: number): Float32Array => vectors.values.subarray(i * dimensions, (i + 1) * dimensions);
  const distances = Float64Array.from(vectors.lists, (list, i) =>
    squaredDistance(vector(i), centroidValues(must(generation.centroids.get(list), 'a list has a centroid'))),
  );
  const median = distances.toSorted()[Math.floor(distances.length / 2)] ?? 0;
  const founders = Array.from(distances.keys())
    .filter((i) => distances[i]! > FAR * median)
    .sort((a, b) => distances[b]! - distances[a]!)
    .slice(0, FOUNDED_MAX);
  if (founders.length === 0) return vectors;
  const lists = vectors.lists.slice();
  editLists(shard, generation, (edit) => {
    for (const founder of founders) {
      lists[founder] = generation.nextList;
      edit.putEmpty(generation.nextList, centroidOf(vector(founder)));
    }
  });
  return inListOrder(vectors, lists, dimensions);
}
