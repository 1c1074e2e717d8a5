import type { Row } from '../vector-engine.ts';
import type { Centroid } from './list-model.ts';

/** A set of posting lists under one model. */
export interface Generation {
  readonly id: number;
  /** See `encodeListModel`. */
  readonly model: Uint8Array;
  /** JSON that maintenance keeps with the lists. */
  readonly settings: string;
}

export interface StoredList {
  readonly list: number;
  readonly centroid: Centroid;
  readonly entryCount: number;
}

/** A block of a list's entries; a list's blocks are numbered from 0 without gaps. */
export interface StoredBlock {
  readonly list: number;
  readonly ordinal: number;
  readonly bytes: Uint8Array;
}

export interface ListChange {
  /** New lists, and lists that changed. One without entries keeps no blocks. */
  readonly lists: readonly StoredList[];
  /** These vanish with their blocks. */
  readonly removed: readonly number[];
  /** New blocks, and blocks that changed, in the order of their ordinals; what a list had behind the last one given vanishes. */
  readonly blocks: readonly StoredBlock[];
  /** Rows that are in lists from now on; those gone meanwhile are no matter. */
  readonly listed: readonly Row[];
}

/**
 * Where a shard's posting lists live. Each method is one transaction; `VectorStore.atomically` makes one of several. A row is
 * unlisted from its upsert until a change lists it.
 */
export interface ListStore {
  /** The older first. */
  generations(): Generation[];
  /** Answers its id, which no other generation of this shard ever has. */
  createGeneration(model: Uint8Array, settings: string): number;
  setSettings(generation: number, settings: string): void;
  /** Forgets a generation at once; the room it takes is freed by `sweep`. */
  dropGeneration(generation: number): void;
  /** Frees some of the room that dropped generations still take; answers whether there is more. */
  sweep(): boolean;
  /** Forgets every generation and the checkpoint: all rows are unlisted again. */
  reset(): void;

  lists(generation: number): Iterable<StoredList>;
  /** The blocks of a list, in order. */
  blocks(generation: number, list: number): Uint8Array[];
  /** All blocks, by list and ordinal. */
  allBlocks(generation: number): Iterable<StoredBlock>;
  change(generation: number, change: ListChange): void;

  /** From which unfinished background work continues. */
  checkpoint(): Uint8Array | undefined;
  saveCheckpoint(bytes: Uint8Array | null): void;
}
