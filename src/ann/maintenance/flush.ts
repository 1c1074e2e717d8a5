import { must } from '../../kernel/assert.ts';
import type { ResidentGeneration } from '../engine/resident-generation.ts';
import type { Row } from '../vector-engine.ts';
import { assignVectors, inListOrder, prepareVectors } from './assigned-vectors.ts';
import { foundLists } from './found-lists.ts';
import { editLists } from './list-edit.ts';
import { inSlices } from './slices.ts';
import type { Task } from './task.ts';
import type { MaintainedShard } from './maintained-shard.ts';

/**
 * Moves unlisted rows into posting lists. All of them are assigned first and then taken in the order of their lists, so that the last
 * block of a list is rewritten once for all that it receives. A row is listed in the transaction that makes it an entry.
 */
export function* flush(shard: MaintainedShard, generationId: number, rows: readonly Row[]): Task {
  const { store, identity, memtable } = shard;
  const { dimensions } = identity;
  const read = (generation: ResidentGeneration, slice: readonly Row[]) => prepareVectors(generation, store.readRows(slice, identity));
  const listOf = new Map<Row, number>();
  for (const slice of inSlices(rows, dimensions)) {
    const generation = shard.lists.generation(generationId);
    const { rows: found, lists } = foundLists(shard, generation, assignVectors(shard, generation, read(generation, slice)));
    found.forEach((row, i) => listOf.set(row, lists[i]!));
    yield;
  }
  const inOrder = [...listOf].sort(([, a], [, b]) => a - b).map(([row]) => row);
  for (const slice of inSlices(inOrder, dimensions)) {
    const generation = shard.lists.generation(generationId);
    // Rows deleted meanwhile are no longer read.
    const vectors = read(generation, slice);
    const lists = vectors.rows.map((row) => must(listOf.get(row), 'every row of the flush is assigned'));
    editLists(shard, generation, (edit) => edit.append(inListOrder(vectors, lists, dimensions)));
    memtable.remove(vectors.rows);
    yield;
  }
}
