import type { ResidentGeneration } from '../engine/resident-generation.ts';
import { assignVectors, prepareVectors } from './assigned-vectors.ts';
import { foundLists } from './found-lists.ts';
import { ListEdit } from './list-edit.ts';
import { sliceVectors } from './slices.ts';
import type { Task } from './task.ts';
import type { MaintainedShard } from './maintained-shard.ts';
import { changeLists } from './maintained-shard.ts';

/** Moves the entries of an old list set to a new one, and drops dead ones. */
export function* migrate(shard: MaintainedShard, fromId: number, toId: number): Task {
  const { store, lists, identity } = shard;
  const count = sliceVectors(identity.dimensions);
  const numbers = [...lists.generation(fromId).centroids.keys()];
  for (const list of numbers) {
    while (lists.generation(fromId).centroids.has(list)) {
      moveEnd(shard, lists.generation(fromId), lists.generation(toId), list, count);
      yield;
    }
  }
  store.lists.dropGeneration(fromId);
  lists.drop();
}

/** Moves the last `count` entries of a list, and the list itself with its last one. */
function moveEnd(shard: MaintainedShard, from: ResidentGeneration, to: ResidentGeneration, list: number, count: number): void {
  const { store, lists, identity } = shard;
  lists.pageIn(from, list);
  const rows = from.lists.rowsOf(list);
  const leftCount = Math.max(0, rows.length - count);
  const vectors = prepareVectors(to, store.readRows(rows.slice(leftCount), identity));
  const moved = foundLists(shard, to, assignVectors(shard, to, vectors));
  changeLists(shard, () => {
    const [taking, giving] = [new ListEdit(shard, to), new ListEdit(shard, from)];
    if (leftCount === 0) giving.remove(list);
    else
      giving.retain(
        list,
        Uint32Array.from({ length: leftCount }, (_, i) => i),
      );
    taking.append(moved);
    giving.store();
    taking.store();
  });
}
