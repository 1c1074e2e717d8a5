import type { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { assert } from '../../../src/kernel/assert.ts';

export interface StoredPlace {
  readonly listSet: number;
  readonly list: number;
}

/** What a shard's storage contains of its lists, decoded here from the bytes. */
export interface StoredLists {
  /** Ascending. */
  readonly listSets: readonly number[];
  readonly settings: readonly Record<string, number>[];
  /** By list set and list: its centroid, as text. */
  readonly centroids: ReadonlyMap<string, string>;
  /** Of every entry, live or deleted. */
  readonly places: ReadonlyMap<number, StoredPlace>;
  readonly live: ReadonlySet<number>;
  readonly unlisted: ReadonlySet<number>;
  readonly hasCheckpoint: boolean;
}

export const placeKey = ({ listSet, list }: StoredPlace): string => `${listSet}/${list}`;

/** Reads the lists. Throws unless every live row is in exactly one. */
export function readStoredLists(store: VectorStore): StoredLists {
  const places = new Map<number, StoredPlace>();
  const centroids = new Map<string, string>();
  const listSets = store.lists.listSets();
  for (const { id: listSet } of listSets) {
    for (const { list, centroid, entryCount } of store.lists.lists(listSet)) {
      const place = { listSet, list };
      centroids.set(placeKey(place), `${centroid.scale}:${centroid.codes.join()}`);
      const rows = store.lists.blocks(listSet, list).flatMap(rowsOf);
      assert(rows.length === entryCount, `list ${placeKey(place)} has ${entryCount} entries, not ${rows.length}`);
      for (const row of rows) {
        assert(!places.has(row), `row ${row} is in one list only`);
        places.set(row, place);
      }
    }
  }
  const [live, unlisted] = [new Set(store.liveRows()), new Set(store.unlistedRows())];
  for (const row of live) assert(places.has(row) !== unlisted.has(row), `row ${row} is in a list or unlisted`);
  for (const row of unlisted) assert(live.has(row), `unlisted row ${row} is live`);
  return {
    listSets: listSets.map(({ id }) => id),
    settings: listSets.map(({ settings }) => JSON.parse(settings) as Record<string, number>),
    centroids,
    places,
    live,
    unlisted,
    hasCheckpoint: store.lists.checkpoint() !== undefined,
  };
}

/** The format is described in lists/block-layout.ts. */
function rowsOf(block: Uint8Array): number[] {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const [nibbles, entries] = [view.getUint16(4, true), view.getUint8(8)];
  return Array.from({ length: entries }, (_, i) => view.getUint32(12 + 16 * nibbles + 4 * i, true));
}

/** What a step of maintenance does, as storage shows it. */
export type Event = (typeof EVENTS)[number];

export const EVENTS = [
  ...(['trained', 'checkpointed', 'begunAnew', 'flushed', 'migrated', 'dropped'] as const),
  ...(['split', 'merged', 'compacted', 'moved', 'calibrated'] as const),
] as const;

/** What a step of maintenance did, by comparing the storage before and after it. */
export function eventsBetween(before: StoredLists, after: StoredLists): Set<Event> {
  const isTrained = after.listSets.some((id) => !before.listSets.includes(id));
  const happened: Record<Event, boolean> = {
    trained: isTrained,
    checkpointed: !before.hasCheckpoint && after.hasCheckpoint,
    begunAnew: !isTrained && before.hasCheckpoint && !after.hasCheckpoint,
    dropped: before.listSets.some((id) => !after.listSets.includes(id)),
    calibrated: !isTrained && before.settings.at(-1)?.['calibratedCount'] !== after.settings.at(-1)?.['calibratedCount'],
    split: !isTrained && [...after.centroids.keys()].some((key) => !before.centroids.has(key)),
    merged: before.listSets.length === 1 && [...before.centroids.keys()].some((key) => !after.centroids.has(key)),
    flushed: [...after.places.keys()].some((row) => before.unlisted.has(row)),
    ...fatesOf(before, after),
  };
  return new Set(EVENTS.filter((event) => happened[event]));
}

/** What happened to entries that were in lists before. */
function fatesOf(before: StoredLists, after: StoredLists): Record<'migrated' | 'compacted' | 'moved', boolean> {
  const fates = { migrated: false, compacted: false, moved: false };
  for (const [row, place] of before.places) {
    const now = after.places.get(row);
    const stays = after.centroids.get(placeKey(place)) === before.centroids.get(placeKey(place));
    if (now !== undefined && now.listSet !== place.listSet) fates.migrated = true;
    else if (now === undefined && stays && before.listSets.length === 1) fates.compacted = true;
    else if (now !== undefined && now.list !== place.list && stays) fates.moved = true;
  }
  return fates;
}
