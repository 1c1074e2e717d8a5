import { expect } from 'vitest';

import type { StoredList } from '../../../src/ann/store/list-store.ts';
import type { VectorStore } from '../../../src/ann/store/vector-store.ts';

/** A vector of one component to write. */
export interface Put {
  readonly namespace: string;
  readonly id: string;
  readonly value: number;
  readonly metadata: string | null;
}

/** A list whose blocks from `from` on are written; it has `blocks` of them afterwards. */
export interface ListPut {
  readonly list: number;
  readonly from: number;
  readonly blocks: number;
  readonly fill: number;
}

type ModelList = StoredList & { readonly blocks: Uint8Array[] };

interface ModelListSet {
  readonly id: number;
  readonly model: Uint8Array;
  readonly settings: string;
  readonly lists: Map<number, ModelList>;
}

/** What a shard's store should hold, in plain collections. */
export interface StoreModel {
  nextRow: number;
  vectors: (Put & { readonly row: number })[];
  readonly listed: Set<number>;
  listSets: ModelListSet[];
  readonly generationIds: Set<number>;
  checkpoint: Uint8Array | undefined;
}

export const storeModel = (): StoreModel => ({
  nextRow: 1,
  vectors: [],
  listed: new Set(),
  listSets: [],
  generationIds: new Set(),
  checkpoint: undefined,
});

const keyOf = ({ namespace, id }: Put): string => JSON.stringify([namespace, id]);

/** Writes a batch to both; returns how many vectors it replaced. */
export function applyUpsert(store: VectorStore, model: StoreModel, written: readonly Put[]): number {
  const byKey = new Map(written.map((one) => [keyOf(one), one]));
  const puts = [...byKey.values()];
  const header = store.header()!;
  const batch = {
    indexId: header.indexId,
    ids: puts.map(({ id }) => id),
    namespaces: puts.map(({ namespace }) => namespace),
    values: Float32Array.from(puts.map(({ value }) => value)),
    metadata: puts.map(({ metadata }) => metadata),
    texts: puts.map(() => null),
    repetition: null,
  };
  const replaced = store.replacedBy(batch);
  const gone = model.vectors.filter((one) => byKey.has(keyOf(one)));
  expect(new Set(replaced.map(({ row }) => row))).toEqual(new Set(gone.map(({ row }) => row)));
  const { places } = store.upsert(batch, header, replaced, 0);
  const first = model.nextRow;
  model.nextRow += puts.length;
  expect(places.map(({ row }) => row)).toEqual(puts.map((_, i) => first + i));
  model.vectors = [...model.vectors.filter((one) => !byKey.has(keyOf(one))), ...puts.map((one, i) => ({ ...one, row: first + i }))];
  return gone.length;
}

/** Changes lists in both, and puts the lowest of the rows that are in none into lists. */
export function applyChange(
  store: VectorStore,
  listSet: ModelListSet,
  model: StoreModel,
  { lists, removed, percent }: { readonly lists: readonly ListPut[]; readonly removed: number | null; readonly percent: number },
  count: (what: string) => void,
): void {
  const unlisted = model.vectors.map(({ row }) => row).filter((row) => !model.listed.has(row));
  const listed = unlisted.slice(0, Math.floor((unlisted.length * percent) / 100));
  const puts = lists.filter(({ list }) => list !== removed);
  const changed = puts.map(({ list, from, blocks, fill }): ModelList & { readonly start: number } => {
    const before = listSet.lists.get(list)?.blocks ?? [];
    const start = Math.min(from, before.length, blocks);
    const fresh = Array.from({ length: blocks - start }, (_, i) => new Uint8Array(fill).fill(i));
    const all = [...before.slice(0, start), ...fresh];
    // Writing blocks cuts the list after the last of them; writing none leaves it unchanged.
    const kept = fresh.length === 0 && blocks > 0 ? before : all;
    if (kept.length < before.length) count('truncated');
    const centroid = { codes: Int8Array.of(fill >> 1, -list % 100), scale: fill / 8 };
    return { list, centroid, entryCount: kept.length * 32, blocks: kept, start: fresh.length === 0 ? kept.length : start };
  });
  if (removed !== null && listSet.lists.has(removed)) count('removedList');
  store.lists.change(listSet.id, {
    lists: changed.map(({ list, centroid, entryCount }) => ({ list, centroid, entryCount })),
    removed: removed === null ? [] : [removed],
    blocks: changed.flatMap(({ list, blocks, start }) => blocks.slice(start).map((bytes, i) => ({ list, ordinal: start + i, bytes }))),
    listed: [...listed, 2 ** 31],
  });
  for (const { start: _, ...list } of changed) listSet.lists.set(list.list, list);
  if (removed !== null) listSet.lists.delete(removed);
  for (const row of listed) model.listed.add(row);
  if (listed.length > 0) count('listed');
}
