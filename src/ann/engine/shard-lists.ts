import { must } from '../../kernel/assert.ts';
import type { MemoryHolder, MemoryRegistry } from '../../kernel/memory-registry.ts';
import type { Selection } from '../filter/selection.ts';
import { intact } from '../lists/integrity.ts';
import { PostingLists } from '../lists/posting-lists.ts';
import type { ProbeKernels } from '../lists/probe-kernels.ts';
import { RowBitmap } from '../lists/row-bitmap.ts';
import type { MaintenanceSizes } from '../maintenance/next-task.ts';
import { NO_COST, addCosts } from '../search-cost.ts';
import type { NumberedCentroid } from '../training/encoder.ts';
import { Encoder } from '../training/encoder.ts';
import type { TrainKernels } from '../training/train-kernels.ts';
import type { VectorStore } from '../store/vector-store.ts';
import type { VectorPlace, VectorQuery } from '../stored-vector.ts';
import type { ListCandidates, Searched } from './list-search.ts';
import { searchExactly, searchNearby } from './list-search.ts';
import type { SearchDepth } from './list-settings.ts';
import { LiveRows } from './live-rows.ts';
import { ListSet } from './list-set.ts';

// The most of the isolate's memory that lists of one shard take. The rest is for the shard's memtable.
const OWN_SHARE_MAX = 31 / 32;

/** Values as the user gave them. */
type ListsQuery = Pick<VectorQuery, 'values' | 'namespace' | 'topK'>;

/** What the lists of all shards of an isolate share. */
export interface ListResources {
  readonly memory: MemoryRegistry;
  readonly probe: ProbeKernels;
  readonly train: TrainKernels;
  readonly sizes: Pick<MaintenanceSizes, 'listedCountMin'>;
}

/**
 * A shard's posting lists while the isolate has room for them: directories are loaded by the first search, lists when a search or
 * maintenance needs them; other shards may evict any list.
 */
export class ShardLists implements MemoryHolder {
  readonly #memory: MemoryRegistry;
  readonly #kernels: ProbeKernels;
  readonly #sizes: ListResources['sizes'];
  readonly #name: string;
  readonly #store: VectorStore;
  readonly #live: LiveRows;
  readonly #encoder: CurrentEncoder;
  // Lists that are being changed.
  readonly #held = new Set<string>();
  #listSets: ListSet[] | undefined;

  constructor({ memory, probe, train, sizes }: ListResources, name: string, store: VectorStore) {
    this.#memory = memory;
    this.#kernels = probe;
    this.#sizes = sizes;
    this.#name = name;
    this.#store = store;
    this.#live = new LiveRows(probe.memory);
    this.#encoder = new CurrentEncoder(train);
  }

  /** Bytes resident. */
  get bytes(): number {
    return (this.#listSets ?? []).reduce((bytes, { lists }) => bytes + lists.bytes, this.#live.bytes + this.#encoder.bytes);
  }

  /** The older first. Not to be kept: others may take their memory between two calls of the shard. */
  listSets(): readonly ListSet[] {
    if (this.#listSets === undefined) {
      this.#listSets = this.#loaded();
      this.#claim();
    }
    return this.#listSets;
  }

  listSet(id: number): ListSet {
    return must(
      this.listSets().find((listSet) => listSet.id === id),
      `list set ${id} is there`,
    );
  }

  /** Of all centroids, or of some that need not be there yet. Not to be stored by callers: the next one that is asked for replaces it. */
  encoder(listSet: ListSet, some?: readonly NumberedCentroid[]): Encoder {
    const encoder = this.#encoder.of(listSet, some);
    this.#claim();
    return encoder;
  }

  /** Has a list in memory, until others need the room: also lists of this shard, if it is larger than the isolate. */
  pageIn(listSet: ListSet, list: number): void {
    if (listSet.lists.isResident(list)) return;
    const blocks = this.#store.lists.blocks(listSet.id, list);
    const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
    // A shard that fills the memory of the isolate has as many entries go as come: they need no new pages.
    const excess = this.bytes + bytes - OWN_SHARE_MAX * this.#memory.bytesMax;
    this.#giveWay(undefined, (freedBytes) => freedBytes >= Math.min(bytes, excess));
    this.#memory.claim(this.#name, this, Math.min(this.#memory.bytesMax, this.bytes + bytes));
    listSet.lists.adopt(list, blocks);
    this.#claim(placeOf(listSet, list));
  }

  /** The same for a list that is about to change: it stays until it is stored. */
  hold(listSet: ListSet, list: number): void {
    this.pageIn(listSet, list);
    this.#held.add(placeOf(listSet, list));
  }

  /** Follows that storage has all that changed. */
  stored(): void {
    this.#held.clear();
    this.#claim();
  }

  /** What the lists have for a query, among some rows or among all of its namespace. */
  search(query: ListsQuery, among: Selection | undefined, isExact: boolean): ListCandidates {
    const search = (listSet: ListSet, allowed: RowBitmap): ListCandidates =>
      isExact || listSet.settings.isExact || this.#isFew(listSet)
        ? searchExactly(this.#searched(listSet), { ...query, allowed })
        : searchNearby(this.#searched(listSet), listSet.settings, { ...query, allowed });
    if (this.listSets().length === 0) return merged([]);
    if (among === undefined) return merged(this.listSets().map((listSet) => search(listSet, this.#allowed(query.namespace))));
    const allowed = new RowBitmap(this.#kernels.memory);
    try {
      allowed.fill(among.within(() => this.#store.vectorRows(query.namespace)));
      return merged(this.listSets().map((listSet) => search(listSet, allowed)));
    } finally {
      allowed.free();
    }
  }

  /** [V212] Whether to read all entries costs so little that an exact answer is worth more than what probing saves. */
  #isFew({ entryCount, model }: ListSet): boolean {
    return entryCount < this.#sizes.listedCountMin(model.dimensions);
  }

  /** The best of a list set that a search of this depth finds, of a whole namespace. */
  nearby(listSet: ListSet, depth: SearchDepth, query: ListsQuery): ListCandidates {
    return searchNearby(this.#searched(listSet), depth, { ...query, allowed: this.#allowed(query.namespace) });
  }

  /** All entries in a list set that may be among the best of a namespace. */
  exactly(listSet: ListSet, query: ListsQuery): ListCandidates {
    return searchExactly(this.#searched(listSet), { ...query, allowed: this.#allowed(query.namespace) });
  }

  /** How many vectors a namespace has. */
  liveCount(namespace: number): number {
    return this.#liveOf(namespace).count;
  }

  /** Follows a write of new vectors. */
  add(places: Iterable<VectorPlace>): void {
    for (const { namespace, row } of places) this.#live.add(namespace, row);
    if (this.#listSets !== undefined) this.#claim();
  }

  /** Follows a deletion. */
  remove(places: Iterable<VectorPlace>): void {
    for (const { namespace, row } of places) this.#live.delete(namespace, row);
  }

  /** Lets go of everything, which is loaded again when it is needed. */
  drop(): void {
    this.#free();
    this.#memory.release(this.#name, this);
  }

  /** List by list, those first that were not used for longest. */
  evict(bytes: number): number {
    let given = 0;
    for (const { lists } of this.#listSets ?? []) {
      for (const list of lists.leastRecentlyUsed()) {
        const before = lists.bytes;
        lists.evict(list);
        given += before - lists.bytes;
        if (given >= bytes) return given;
      }
    }
    this.#free();
    return Infinity;
  }

  #free(): void {
    for (const { lists } of this.#listSets ?? []) lists.free();
    this.#listSets = undefined;
    this.#held.clear();
    this.#encoder.free();
    this.#live.free();
  }

  /** All of them or none. */
  #loaded(): ListSet[] {
    const { lists } = this.#store;
    const loaded: ListSet[] = [];
    try {
      for (const listSet of lists.listSets()) {
        loaded.push(new ListSet(listSet, lists, (model) => new PostingLists(this.#kernels, model)));
      }
      const listedCount = this.#store.vectorCount(this.#store.header() ?? { count: 0 }) - this.#store.unlistedRows().size;
      intact(loaded.reduce((sum, { entryCount }) => sum + entryCount, 0) >= listedCount, 'every listed row is an entry');
    } catch (defect) {
      for (const listSet of loaded) listSet.lists.free();
      throw defect;
    }
    return loaded;
  }

  /** States what is held; `list` is needed now. */
  #claim(list?: string): void {
    this.#giveWay(list, () => this.bytes <= this.#memory.bytesMax);
    this.#memory.claim(this.#name, this, this.bytes);
  }

  /** Evicts lists of this shard, the least recently used first, until enough is free. Not those that are being changed. */
  #giveWay(needed: string | undefined, isEnough: (freedBytes: number) => boolean): void {
    let freedBytes = 0;
    if (isEnough(freedBytes)) return;
    for (const listSet of this.#listSets ?? []) {
      for (const list of listSet.lists.leastRecentlyUsed()) {
        const place = placeOf(listSet, list);
        if (place === needed || this.#held.has(place)) continue;
        freedBytes += listSet.lists.entryCount(list) * listSet.lists.entryBytes;
        listSet.lists.evict(list);
        if (isEnough(freedBytes)) return;
      }
    }
  }

  #searched(listSet: ListSet): Searched {
    return { model: listSet.model, lists: listSet.lists, pageIn: (list) => this.pageIn(listSet, list) };
  }

  #allowed(namespace: number): RowBitmap {
    return this.#liveOf(namespace).bitmap;
  }

  #liveOf(namespace: number): ReturnType<LiveRows['of']> {
    const live = this.#live.of(namespace, () => this.#store.vectorRows(namespace));
    this.#claim();
    return live;
  }
}

const placeOf = ({ id }: ListSet, list: number): string => `${id}/${list}`;

function merged(found: readonly ListCandidates[]): ListCandidates {
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  return {
    candidates: found.flatMap(({ candidates }) => candidates).sort((a, b) => b.closest - a.closest),
    cost: found.reduce((sum, { cost }) => addCosts(sum, cost), NO_COST),
  };
}

/** The encoder that was asked for last: of a list set with the centroids that its lists have now, or with some others. */
class CurrentEncoder {
  readonly #kernels: TrainKernels;
  #current:
    | {
        readonly encoder: Encoder;
        readonly listSet: ListSet;
        readonly centroidsVersion: number;
        readonly some: readonly NumberedCentroid[] | undefined;
      }
    | undefined;

  constructor(kernels: TrainKernels) {
    this.#kernels = kernels;
  }

  /** Bytes resident. */
  get bytes(): number {
    return this.#current?.encoder.bytes ?? 0;
  }

  of(listSet: ListSet, some: readonly NumberedCentroid[] | undefined): Encoder {
    const { centroidsVersion } = listSet;
    const current = this.#current;
    if (current?.listSet === listSet && current.some === some && (some !== undefined || current.centroidsVersion === centroidsVersion)) {
      return current.encoder;
    }
    this.free();
    const encoder = new Encoder(this.#kernels, listSet.model);
    encoder.setCentroids(some ?? Array.from(listSet.centroids, ([list, centroid]) => ({ list, centroid })));
    this.#current = { encoder, listSet, centroidsVersion, some };
    return encoder;
  }

  free(): void {
    this.#current?.encoder.free();
    this.#current = undefined;
  }
}
