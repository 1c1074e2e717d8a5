import type { ListSet } from '../engine/list-set.ts';
import type { RowSet } from '../filter/row-set.ts';
import { centroidOf, centroidValues, distanceToCentroid } from '../lists/list-model.ts';
import { must } from '../../kernel/assert.ts';
import { assignVectors, inListOrder } from './assigned-vectors.ts';
import type { PreparedVectors } from './assigned-vectors.ts';
import type { CodedVectors } from './list-edit.ts';
import { editLists } from './list-edit.ts';
import { splitInTwo, squaredDistance } from './split-in-two.ts';
import type { Task } from './background-work.ts';
import { inSlices } from './background-work.ts';
import { listMaintenanceOf } from './next-task.ts';
import type { NumberedCentroid } from '../training/encoder.ts';
import type { MaintainedShard } from './maintained-shard.ts';

// Lists around one that was split whose vectors may now lie nearer to one of its halves.
const NEIGHBOURS = 8;
// How many times farther than its own vectors, squared, a list that is merged may lie from another.
const MERGE_DISTANCE_MAX = 4;

/**
 * Keeps lists at their length as vectors come and go: splits the long ones, merges the short ones into others, rewrites those with
 * many dead entries. After a split, vectors of the lists around it move to a half that is nearer to them (LIRE: Xu et al., SPFresh,
 * SOSP 2023). A row that is dead now is dead for good, so what lived at the start is enough to know.
 */
export function* maintainLists(shard: MaintainedShard, listSetId: number, lists: Iterable<number>): Task {
  const live = shard.store.liveRows();
  for (const list of lists) {
    const listSet = shard.lists.listSet(listSetId);
    if (!listSet.centroids.has(list)) continue;
    shard.lists.pageIn(listSet, list);
    const positions = livePositions(listSet, list, live);
    switch (listMaintenanceOf(shard.sizes, listSet.lists.entryCount(list), positions.length)) {
      case 'nothing':
        break;
      case 'compaction':
        compact(shard, listSet, list, positions);
        break;
      case 'merge':
        merge(shard, listSet, list, live);
        break;
      case 'split':
        yield* split(shard, listSet, list, live);
        break;
    }
    yield;
  }
}

function compact(shard: MaintainedShard, listSet: ListSet, list: number, positions: Uint32Array): void {
  if (positions.length === listSet.lists.entryCount(list)) return;
  editLists(shard, listSet, (change) => change.retain(list, positions));
}

function merge(shard: MaintainedShard, listSet: ListSet, list: number, live: RowSet): void {
  const positions = livePositions(listSet, list, live);
  // Read first: another list may take its memory.
  const vectors = vectorsAt(listSet, list, positions);
  const isLast = listSet.centroids.size === 1;
  const stays = isLast || (positions.length > 0 && isApart(shard, listSet, list, live.size));
  if (stays) return compact(shard, listSet, list, positions);
  editLists(shard, listSet, (change) => {
    change.remove(list);
    change.append(assignVectors(shard, listSet, vectors));
  });
}

/**
 * Whether a list lies so far from all others that its vectors would be outliers even in the nearest: codes could not separate them there.
 * As long as such lists are few, they may be short.
 */
function isApart(shard: MaintainedShard, listSet: ListSet, list: number, liveCount: number): boolean {
  if (liveCount < listSet.centroids.size * shard.sizes.entriesMin) return false;
  const { other, distance } = must(nearestTo(listSet, list)[0], 'there is another list');
  shard.lists.pageIn(listSet, other);
  return distance > MERGE_DISTANCE_MAX * spreadOf(listSet, other);
}

/** How far the vectors of a list lie from its centroid, squared: their mean. */
function spreadOf(listSet: ListSet, list: number): number {
  const { dimensions } = listSet.model;
  const values = listSet.lists.valuesOf(list);
  const centroid = centroidValues(listSet.storedList(list).centroid);
  let sum = 0;
  for (let at = 0; at < values.length; at += dimensions) sum += squaredDistance(values.subarray(at, at + dimensions), centroid);
  return values.length === 0 ? 0 : (sum * dimensions) / values.length;
}

/** The other lists, the nearest first. */
function nearestTo({ centroids }: ListSet, list: number): { other: number; distance: number }[] {
  const from = centroidValues(must(centroids.get(list), 'a list has a centroid'));
  return Array.from(centroids, ([other, centroid]) => ({ other, distance: distanceToCentroid(from, 0, centroid) }))
    .filter(({ other }) => other !== list)
    .sort((a, b) => a.distance - b.distance);
}

/**
 * Puts two halves in the place of a list. Their entries are coded slice by slice, as that is most of the work, and change lists in one
 * transaction [V201]. A list whose vectors do not part is left as it is. [V124]
 */
function* split(shard: MaintainedShard, { id, model }: ListSet, list: number, live: RowSet): Task {
  const { lists, sizes } = shard;
  const halves = yield* splitInTwo(vectorsOf(shard, id, list, live).values, model.dimensions, sizes.entriesMin);
  yield;
  const neighbours = nearestTo(lists.listSet(id), list).slice(0, NEIGHBOURS);
  const numbers = [list, lists.listSet(id).nextList];
  const parts = halves?.map((half, i) => ({ list: numbers[i]!, centroid: centroidOf(half) })) ?? [];
  const coded: CodedVectors[] = [];
  if (parts.length > 0) {
    const near = [...parts, ...neighbours.map(({ other }) => lists.listSet(id).storedList(other))];
    for (const vectors of slicesOf(shard, vectorsOf(shard, id, list, live))) {
      coded.push(codedAmong(shard, lists.listSet(id), near, vectors));
      yield;
    }
  }
  const share = (half: number) => coded.reduce((sum, vectors) => sum + vectors.lists.filter((other) => other === half).length, 0);
  if (Math.min(...numbers.map(share)) < sizes.entriesMin) {
    lists.pageIn(lists.listSet(id), list);
    return compact(shard, lists.listSet(id), list, livePositions(lists.listSet(id), list, live));
  }
  editLists(shard, lists.listSet(id), (change) => {
    for (const { list: half, centroid } of parts) change.putEmpty(half, centroid);
    for (const vectors of coded) change.appendCoded(vectors);
  });
  for (const { other } of neighbours) {
    yield;
    moveNearer(shard, lists.listSet(id), other, numbers, live);
  }
}

function* slicesOf({ identity: { dimensions }, pace }: MaintainedShard, { rows, values }: PreparedVectors): Generator<PreparedVectors> {
  let from = 0;
  for (const slice of inSlices(rows, dimensions, pace)) {
    yield { rows: slice, values: values.subarray(from * dimensions, (from + slice.length) * dimensions) };
    from += slice.length;
  }
}

/** Vectors coded against the nearest of some centroids. */
function codedAmong(
  { lists }: MaintainedShard,
  listSet: ListSet,
  near: readonly NumberedCentroid[],
  { rows, values }: PreparedVectors,
): CodedVectors {
  const encoder = lists.encoder(listSet, near);
  const inOrder = inListOrder({ rows, values }, encoder.assign(values, rows.length), listSet.model.dimensions);
  return { ...encoder.encode(inOrder.values, inOrder.rows, inOrder.lists), lists: inOrder.lists };
}

/** Moves the vectors of a list that lie nearer to one of the others to it; no more than a slice takes. */
function moveNearer(shard: MaintainedShard, listSet: ListSet, list: number, others: number[], live: RowSet): void {
  const { dimensions } = listSet.model;
  shard.lists.pageIn(listSet, list);
  const positions = livePositions(listSet, list, live);
  const { rows, values } = vectorsAt(listSet, list, positions);
  const centroids = [list, ...others].map((number) => centroidValues(listSet.storedList(number).centroid));
  const nearest = rows.map((_, i) => {
    const distances = centroids.map((centroid) => squaredDistance(values.subarray(i * dimensions, (i + 1) * dimensions), centroid));
    return distances.indexOf(Math.min(...distances));
  });
  const moving = [...nearest.keys()].filter((i) => nearest[i]! > 0).slice(0, shard.pace.sliceVectors(dimensions));
  if (moving.length === 0) return;
  const moved = vectorsAt(
    listSet,
    list,
    Uint32Array.from(moving, (i) => positions[i]!),
  );
  const leaving = new Set(moving);
  editLists(shard, listSet, (change) => {
    change.retain(
      list,
      positions.filter((_, i) => !leaving.has(i)),
    );
    change.append(assignVectors(shard, listSet, moved));
  });
}

const livePositions = ({ lists }: ListSet, list: number, live: RowSet): Uint32Array => {
  const rows = lists.rowsOf(list);
  return Uint32Array.from(rows.keys()).filter((i) => live.has(rows[i]!));
};

/** The live vectors of a list, which may have left memory since the last slice. */
function vectorsOf(shard: MaintainedShard, listSetId: number, list: number, live: RowSet): PreparedVectors {
  const listSet = shard.lists.listSet(listSetId);
  shard.lists.pageIn(listSet, list);
  return vectorsAt(listSet, list, livePositions(listSet, list, live));
}

/** The vectors of a resident list as decoded from their codes; coding them again does not change them. */
function vectorsAt({ lists, model: { dimensions } }: ListSet, list: number, positions: Uint32Array): PreparedVectors {
  const [rows, all] = [lists.rowsOf(list), lists.valuesOf(list)];
  const values = new Float32Array(positions.length * dimensions);
  positions.forEach((from, to) => values.set(all.subarray(from * dimensions, (from + 1) * dimensions), to * dimensions));
  return { rows: Array.from(positions, (i) => rows[i]!), values };
}
