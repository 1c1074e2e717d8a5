import type { ListSet } from '../engine/list-set.ts';
import type { Centroid } from '../lists/list-model.ts';
import { BLOCK_ENTRIES } from '../lists/block-layout.ts';
import type { Row } from '../stored-vector.ts';
import type { Encoding } from '../training/encoder.ts';
import type { AssignedVectors } from './assigned-vectors.ts';
import type { MaintainedShard } from './maintained-shard.ts';
import { changeLists } from './maintained-shard.ts';

/** Coded vectors in the order of their lists. */
export interface CodedVectors extends Encoding {
  readonly lists: Uint32Array;
}

/**
 * A change of a list set: made in memory step by step, then stored as one. Of each list it stores the blocks from the
 * first one that changed.
 */
export class ListEdit {
  readonly #shard: MaintainedShard;
  readonly #listSet: ListSet;
  // By list: the ordinal of the first block that changed.
  readonly #changed = new Map<number, number>();
  readonly #removed = new Set<number>();
  readonly #listed: Row[] = [];
  #encodedCount = 0;
  #encodedLoss = 0;

  constructor(shard: MaintainedShard, listSet: ListSet) {
    this.#shard = shard;
    this.#listSet = listSet;
  }

  /** Makes the vectors entries of their lists. */
  append(vectors: AssignedVectors): void {
    const { values, rows, lists } = vectors;
    this.appendCoded({ ...this.#shard.lists.encoder(this.#listSet).encode(values, rows, lists), lists });
  }

  /** The same for vectors that were coded before, against the centroids that their lists have now. */
  appendCoded({ entries, squaredError, lists }: CodedVectors): void {
    for (let from = 0; from < lists.length;) {
      const list = lists[from]!;
      let to = from + 1;
      while (lists[to] === list) to += 1;
      this.#touch(list, Math.floor(this.#listSet.lists.entryCount(list) / BLOCK_ENTRIES));
      this.#listSet.lists.append(list, entries, from, to);
      from = to;
    }
    this.#listed.push(...entries.rows);
    this.#encodedCount += lists.length;
    this.#encodedLoss += squaredError;
  }

  /** Leaves a list the entries at these positions, in that order. */
  retain(list: number, positions: Uint32Array): void {
    this.#touch(list, 0);
    this.#listSet.lists.retain(list, positions);
  }

  /** Leaves a list its first entries, which are whole blocks, at least one. */
  shorten(list: number, count: number): void {
    // Its last block is stored again, whereupon those behind it vanish.
    this.#touch(list, count / BLOCK_ENTRIES - 1);
    this.#listSet.lists.shorten(list, count);
  }

  /** Adds an empty list, or empties one and moves its centroid. */
  putEmpty(list: number, centroid: Centroid): void {
    this.#listSet.putEmpty(list, centroid);
    this.#changed.set(list, 0);
  }

  remove(list: number): void {
    this.#listSet.remove(list);
    this.#changed.delete(list);
    this.#removed.add(list);
  }

  /** Part of a transaction of the store. */
  store(): void {
    const { lists, settings } = this.#listSet;
    this.#shard.store.lists.change(this.#listSet.id, {
      lists: [...this.#changed.keys()].map((list) => this.#listSet.storedList(list)),
      removed: [...this.#removed],
      blocks: [...this.#changed].flatMap(([list, first]) =>
        lists.blocks(list, first).map((bytes, i) => ({ list, ordinal: first + i, bytes })),
      ),
      listed: this.#listed,
    });
    if (this.#encodedCount === 0) return;
    this.#listSet.set({
      encodedCount: settings.encodedCount + this.#encodedCount,
      encodedLoss: settings.encodedLoss + this.#encodedLoss,
    });
  }

  #touch(list: number, ordinal: number): void {
    this.#shard.lists.hold(this.#listSet, list);
    this.#changed.set(list, Math.min(ordinal, this.#changed.get(list) ?? ordinal));
  }
}

/** The most entries up to `count` that fill whole blocks: what is left of a list that is moved from its end. */
export const wholeBlocks = (count: number): number => Math.max(0, Math.floor(count / BLOCK_ENTRIES) * BLOCK_ENTRIES);

/** Changes a list set, in memory and in storage. */
export function editLists(shard: MaintainedShard, listSet: ListSet, change: (edit: ListEdit) => void): void {
  changeLists(shard, () => {
    const edit = new ListEdit(shard, listSet);
    change(edit);
    edit.store();
  });
}
