import { must } from '../../kernel/assert.ts';
import type { ListSet } from '../engine/list-set.ts';
import { centroidOf, distanceToCentroid } from '../lists/list-model.ts';
import type { Row } from '../stored-vector.ts';
import type { AssignedVectors, PreparedVectors } from './assigned-vectors.ts';
import { assignVectors, inListOrder, prepareVectors } from './assigned-vectors.ts';
import type { Task } from './background-work.ts';
import { inSlices } from './background-work.ts';
import { ListEdit, editLists, wholeBlocks } from './list-edit.ts';
import type { MaintainedShard } from './maintained-shard.ts';
import { changeLists } from './maintained-shard.ts';

/** Vectors that a flush keeps from assigning them to coding them: what they take of memory at most. Others are read twice. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

interface Assigned {
  readonly list: number;
  /** The vector in the space of the list set's model; undefined where there was no room to keep it. */
  readonly values: Float32Array | undefined;
}

/**
 * Moves unlisted rows into posting lists. All of them are assigned first and then taken in the order of their lists, so that the last
 * block of a list is rewritten once for all that it receives. A row is listed in the transaction that makes it an entry.
 */
export function* flush(shard: MaintainedShard, listSetId: number, rows: readonly Row[]): Task {
  const { store, identity, memtable } = shard;
  const { dimensions } = identity;
  const assigned = new Map<Row, Assigned>();
  const read = (listSet: ListSet, slice: readonly Row[]) => prepareVectors(listSet, store.readRows(slice, identity));
  const isKept = 4 * dimensions * rows.length <= KEPT_BYTES_MAX;
  for (const slice of inSlices(rows, dimensions, shard.pace)) {
    const listSet = shard.lists.listSet(listSetId);
    const found = foundLists(shard, listSet, assignVectors(shard, listSet, read(listSet, slice)));
    found.rows.forEach((row, i) => {
      const values = isKept ? found.values.subarray(i * dimensions, (i + 1) * dimensions) : undefined;
      assigned.set(row, { list: found.lists[i]!, values });
    });
    yield;
  }
  const inOrder = [...assigned].sort(([, a], [, b]) => a.list - b.list).map(([row]) => row);
  for (const slice of inSlices(inOrder, dimensions, shard.pace)) {
    const listSet = shard.lists.listSet(listSetId);
    const vectors = isKept ? keptVectors(slice, assigned, dimensions) : read(listSet, slice);
    const lists = vectors.rows.map((row) => must(assigned.get(row), 'every row of the flush is assigned').list);
    editLists(shard, listSet, (edit) => edit.append(inListOrder(vectors, lists, dimensions)));
    memtable.remove(vectors.rows);
    yield;
  }
}

/** A row that was deleted meanwhile becomes a dead entry, like those deleted later. */
function keptVectors(rows: readonly Row[], assigned: ReadonlyMap<Row, Assigned>, dimensions: number): PreparedVectors {
  const values = new Float32Array(rows.length * dimensions);
  rows.forEach((row, i) => values.set(must(assigned.get(row)?.values, 'the vectors of the flush are kept'), i * dimensions));
  return { rows, values };
}

/** Moves the entries of an old list set to a new one, and drops dead ones. */
export function* migrate(shard: MaintainedShard, fromId: number, toId: number): Task {
  const { store, lists, identity } = shard;
  const numbers = [...lists.listSet(fromId).centroids.keys()];
  for (const list of numbers) {
    while (lists.listSet(fromId).centroids.has(list)) {
      moveEnd(shard, lists.listSet(fromId), lists.listSet(toId), list, shard.pace.sliceVectors(identity.dimensions));
      yield;
    }
  }
  store.lists.dropListSet(fromId);
  lists.drop();
}

/** Moves the last `count` entries of a list, and those before them in the same block, and the list itself with its last one. */
function moveEnd(shard: MaintainedShard, from: ListSet, to: ListSet, list: number, count: number): void {
  const { store, lists, identity } = shard;
  lists.pageIn(from, list);
  const rows = from.lists.rowsOf(list);
  const leftCount = wholeBlocks(rows.length - count);
  const vectors = prepareVectors(to, store.readRows(rows.slice(leftCount), identity));
  const moved = foundLists(shard, to, assignVectors(shard, to, vectors));
  changeLists(shard, () => {
    const [taking, giving] = [new ListEdit(shard, to), new ListEdit(shard, from)];
    if (leftCount === 0) giving.remove(list);
    else giving.shorten(list, leftCount);
    taking.append(moved);
    giving.store();
    taking.store();
  });
}

// How many times farther than usual from its centroid, squared, a vector has to lie.
const FAR = 16;
// Lists that one slice founds at most: where all vectors are strange, a new model is what helps.
const FOUNDED_MAX = 2;

/**
 * Vectors far from all centroids, such as the longest of a heavy tail, would be lost in the codes of their lists: the farthest of some
 * vectors found lists of their own, which those like them join.
 */
function foundLists(shard: MaintainedShard, listSet: ListSet, vectors: AssignedVectors): AssignedVectors {
  const { dimensions } = listSet.model;
  const vector = (i: number): Float32Array => vectors.values.subarray(i * dimensions, (i + 1) * dimensions);
  const distances = Float64Array.from(vectors.lists, (list, i) =>
    distanceToCentroid(vectors.values, i * dimensions, must(listSet.centroids.get(list), 'a list has a centroid')),
  );
  const median = distances.toSorted()[Math.floor(distances.length / 2)] ?? 0;
  const founders = Array.from(distances.keys())
    .filter((i) => distances[i]! > FAR * median)
    .sort((a, b) => distances[b]! - distances[a]!)
    .slice(0, FOUNDED_MAX);
  if (founders.length === 0) return vectors;
  const lists = vectors.lists.slice();
  editLists(shard, listSet, (edit) => {
    for (const founder of founders) {
      lists[founder] = listSet.nextList;
      edit.putEmpty(listSet.nextList, centroidOf(vector(founder)));
    }
  });
  return inListOrder(vectors, lists, dimensions);
}
