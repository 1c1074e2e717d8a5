import { assert } from '../../kernel/assert.ts';
import { BLOCK_ENTRIES, checkBlock, decodeBlock, encodeBlock } from './block-layout.ts';
import { BlockChains } from './block-chains.ts';
import { intact } from './integrity.ts';
import type { Centroid, EncodedEntries, ListModel } from './list-model.ts';
import { ListDirectory } from './list-directory.ts';
import type { ListAnswer, ListQuery } from './list-search.ts';
import { ListSearch } from './list-search.ts';
import type { ProbeKernels } from './probe-kernels.ts';

/**
 * The inverted lists of an index, in the memory of the isolate. Lists are numbered by the caller; those not resident are paged in when
 * a search needs them.
 */
export class PostingLists {
  readonly #kernels: ProbeKernels;
  readonly #directory: ListDirectory;
  readonly #chains: BlockChains;
  readonly #search: ListSearch;

  constructor(kernels: ProbeKernels, model: ListModel) {
    this.#kernels = kernels;
    this.#directory = new ListDirectory(kernels.memory, model);
    this.#chains = new BlockChains(kernels.memory, model);
    this.#search = new ListSearch(kernels, model, this.#directory, this.#chains.layout);
  }

  /** Bytes resident: pages taken, directory included. */
  get bytes(): number {
    return this.#directory.bytes + this.#chains.bytes + this.#search.bytes;
  }

  /** The bytes of one entry, roughly. */
  get entryBytes(): number {
    const { blockBytes, recordBytes, hasLow, dimensions } = this.#chains.layout;
    return blockBytes / BLOCK_ENTRIES + recordBytes + (hasLow ? dimensions : 0);
  }

  /** Adds a list, resident only if it has no entries, or replaces the centroid of an empty one. */
  putList(list: number, centroid: Centroid, entryCount: number): void {
    const isEmpty = !this.#directory.has(list) || this.entryCount(list) === 0;
    assert(isEmpty, `list ${list} has entries: their codes say what they lack from its centroid`);
    const place = this.#directory.put(list, centroid);
    this.#directory.setEntries(place, 0, 0, entryCount);
  }

  removeList(list: number): void {
    this.evict(list);
    this.#directory.remove(list);
  }

  isResident(list: number): boolean {
    const place = this.#directory.placeOf(list);
    return this.#directory.firstAt(place) !== 0 || this.#directory.countAt(place) === 0;
  }

  /** Makes a list resident from what `blocks` gave, in order. Throws `CorruptList`: then the list is not resident. */
  adopt(list: number, blocks: readonly Uint8Array[]): void {
    const { layout } = this.#chains;
    assert(!this.isResident(list), `list ${list} is not resident`);
    const place = this.#directory.placeOf(list);
    const count = this.#directory.countAt(place);
    const chain = { first: 0, last: 0, count: 0 };
    try {
      for (const bytes of blocks) {
        const entries = checkBlock(this.#kernels, layout, bytes);
        intact(chain.count % BLOCK_ENTRIES === 0, 'only the last block of a list has room');
        const block = this.#chains.extend(chain, entries);
        decodeBlock(this.#kernels.memory, layout, block, entries, bytes);
      }
      intact(chain.count === count, `list ${list} has ${count} entries, not ${chain.count}`);
    } catch (refusal) {
      this.#chains.free(chain.first, chain.count);
      throw refusal;
    }
    this.#directory.setEntries(place, chain.first, chain.last, count);
  }

  /** Gives back the memory of a list, if it is resident. */
  evict(list: number): void {
    const place = this.#directory.placeOf(list);
    const first = this.#directory.firstAt(place);
    if (first === 0) return;
    this.#search.beforeEviction(place);
    const count = this.#directory.countAt(place);
    this.#chains.free(first, count);
    this.#directory.setEntries(place, 0, 0, count);
  }

  /** Adds entries `from` up to `to` to a resident list. */
  append(list: number, entries: EncodedEntries, from: number, to: number): void {
    const place = this.#residentPlace(list);
    const chain = { first: this.#directory.firstAt(place), last: this.#directory.lastAt(place), count: this.#directory.countAt(place) };
    for (let entry = from; entry < to; entry += 1) this.#chains.append(chain, entries, entry);
    this.#directory.setEntries(place, chain.first, chain.last, chain.count);
  }

  /** The serialised blocks of a resident list from ordinal `from` on: all but the last are full. */
  blocks(list: number, from: number): Uint8Array<ArrayBuffer>[] {
    return Array.from(this.#chains.blocks(...this.#chainOf(list)))
      .slice(from)
      .map(({ block, entries }) => encodeBlock(this.#kernels.memory, this.#chains.layout, block, entries));
  }

  entryCount(list: number): number {
    return this.#directory.countAt(this.#directory.placeOf(list));
  }

  /** Of a resident list, by position. */
  rowsOf(list: number): Float64Array {
    return this.#chains.rows(...this.#chainOf(list));
  }

  /** The vectors of a resident list as decoded from its codes, in the index's space. [entryCount x dimensions] */
  valuesOf(list: number): Float32Array {
    return this.#chains.values(...this.#chainOf(list));
  }

  /** Rewrites a resident list to hold only the entries at these positions, in that order. */
  retain(list: number, positions: Uint32Array): void {
    const [first, count] = this.#chainOf(list);
    const place = this.#directory.placeOf(list);
    this.#search.beforeEviction(place);
    const chain = this.#chains.rewrite(first, count, positions);
    this.#directory.setEntries(place, chain.first, chain.last, chain.count);
  }

  /** Leaves a resident list its first `count` entries, which are whole blocks, at least one. */
  shorten(list: number, count: number): void {
    const [first, before] = this.#chainOf(list);
    assert(count > 0 && count <= before && count % BLOCK_ENTRIES === 0, `a list of ${before} entries is not cut to ${count}`);
    const place = this.#directory.placeOf(list);
    this.#search.beforeEviction(place);
    const chain = this.#chains.shorten(first, before, count);
    this.#directory.setEntries(place, chain.first, chain.last, chain.count);
  }

  /** Lists that take memory, the least recently used first. */
  leastRecentlyUsed(): Iterable<number> {
    return this.#directory
      .lists()
      .map((list, place) => ({ list, place }))
      .filter(({ place }) => this.#directory.firstAt(place) !== 0)
      .sort((a, b) => this.#directory.usedAt(a.place) - this.#directory.usedAt(b.place))
      .map(({ list }) => list);
  }

  /**
   * The rows that are most likely the closest. `pageIn` makes a list resident by `adopt`; it may evict any other, not change
   * anything else.
   */
  search(query: ListQuery, pageIn: (list: number) => void): ListAnswer {
    return this.#search.search(query, pageIn);
  }

  /** Every vector that may belong to the `count` best: exact. `stop` and `rescoreCount` do not matter. */
  searchExact(query: ListQuery, pageIn: (list: number) => void): ListAnswer {
    return this.#search.searchExact(query, pageIn);
  }

  /** Gives its memory back: it holds nothing from now on. */
  free(): void {
    this.#chains.freeAll();
    this.#directory.free();
    this.#search.free();
  }

  #residentPlace(list: number): number {
    assert(this.isResident(list), `list ${list} is resident`);
    return this.#directory.placeOf(list);
  }

  #chainOf(list: number): [first: number, count: number] {
    const place = this.#residentPlace(list);
    return [this.#directory.firstAt(place), this.#directory.countAt(place)];
  }
}
