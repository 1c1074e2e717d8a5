import { assert, must } from '../../kernel/assert.ts';
import type { PageMemory } from '../page-memory.ts';
import { PAGE_BYTES } from '../page-memory.ts';
import type { Centroid, ListModel } from './list-model.ts';
import { reachOf, squaredLength } from './list-model.ts';

// Columns besides the codes: float64 scale, bias and reach; uint32 first block, last block, entry count and tick of the last search.
const DOUBLES = 3;
const WORDS = 4;

/** Columns by slot: where each begins, and how many slots there are. */
export interface Columns {
  readonly codes: number;
  readonly scales: number;
  readonly biases: number;
  readonly reaches: number;
  readonly firsts: number;
  readonly lasts: number;
  readonly counts: number;
  readonly used: number;
  readonly capacity: number;
}

/** All lists of an index, resident or not, in columns that kernels read: slots are contiguous, so removing a list moves the last one. */
export class ListDirectory {
  readonly #memory: PageMemory;
  readonly #model: Pick<ListModel, 'metric' | 'dimensions'>;
  #reachSum = 0;
  readonly #places = new Map<number, number>();
  readonly #lists: number[] = [];
  #pages = 0;
  #address = 0;
  columns: Columns;

  constructor(memory: PageMemory, model: Pick<ListModel, 'metric' | 'dimensions'>) {
    this.#memory = memory;
    this.#model = model;
    this.columns = this.#layOut(0, 0);
  }

  get bytes(): number {
    return this.#pages * PAGE_BYTES;
  }

  get count(): number {
    return this.#lists.length;
  }

  /** Bytes from the codes of one centroid to those of the next: zeros behind the dimensions. */
  get stride(): number {
    return Math.ceil(this.#model.dimensions / 8) * 8;
  }

  /** The mean of how far the vectors of a list lie from its centroid; see `reachOf`. */
  get usualReach(): number {
    return this.#reachSum / Math.max(1, this.count);
  }

  listAt(place: number): number {
    return must(this.#lists[place], 'a slot in use has a list');
  }

  has(list: number): boolean {
    return this.#places.has(list);
  }

  placeOf(list: number): number {
    return must(this.#places.get(list), `list ${list} is in the directory`);
  }

  /** Entries of the list in a slot. */
  countAt(place: number): number {
    return this.#memory.views.uint32[this.columns.counts / 4 + place]!;
  }

  /** Its first block; 0: not resident, or empty. */
  firstAt(place: number): number {
    return this.#memory.views.uint32[this.columns.firsts / 4 + place]!;
  }

  lastAt(place: number): number {
    return this.#memory.views.uint32[this.columns.lasts / 4 + place]!;
  }

  usedAt(place: number): number {
    return this.#memory.views.uint32[this.columns.used / 4 + place]!;
  }

  setEntries(place: number, first: number, last: number, count: number): void {
    const { uint32 } = this.#memory.views;
    uint32[this.columns.firsts / 4 + place] = first;
    uint32[this.columns.lasts / 4 + place] = last;
    uint32[this.columns.counts / 4 + place] = count;
  }

  touch(place: number, tick: number): void {
    this.#memory.views.uint32[this.columns.used / 4 + place] = tick;
  }

  /** The list's slot, with this centroid. */
  put(list: number, centroid: Centroid): number {
    const { codes, scale } = centroid;
    const { dimensions, metric } = this.#model;
    assert(codes.length === dimensions, `a centroid of this index has ${dimensions} dimensions, not ${codes.length}`);
    const place = this.#places.get(list) ?? this.#add(list);
    const { int8, float64 } = this.#memory.views;
    const at = this.columns.codes + place * this.stride;
    int8.set(codes, at);
    float64[this.columns.scales / 8 + place] = scale;
    float64[this.columns.biases / 8 + place] = metric === 'l2' ? -squaredLength(centroid) / 2 : 0;
    this.#setReach(place, reachOf(metric, centroid));
    return place;
  }

  remove(list: number): void {
    const place = this.placeOf(list);
    this.#setReach(place, 0);
    const last = this.#lists.length - 1;
    const { int8, float64, uint32 } = this.#memory.views;
    const { codes, scales, biases, reaches, firsts, lasts, counts, used } = this.columns;
    int8.copyWithin(codes + place * this.stride, codes + last * this.stride, codes + (last + 1) * this.stride);
    for (const column of [scales, biases, reaches]) float64[column / 8 + place] = float64[column / 8 + last]!;
    for (const column of [firsts, lasts, counts, used]) uint32[column / 4 + place] = uint32[column / 4 + last]!;
    this.#clear(last);
    this.#lists[place] = this.listAt(last);
    this.#places.set(this.#lists[place], place);
    this.#lists.pop();
    this.#places.delete(list);
  }

  lists(): readonly number[] {
    return this.#lists;
  }

  free(): void {
    if (this.#pages > 0) this.#memory.free(this.#address, this.#pages);
    this.#pages = 0;
    this.#reachSum = 0;
    this.#lists.length = 0;
    this.#places.clear();
    this.columns = this.#layOut(0, 0);
  }

  #add(list: number): number {
    const place = this.#lists.length;
    if (place === this.columns.capacity) this.#grow();
    this.#lists.push(list);
    this.#places.set(list, place);
    this.setEntries(place, 0, 0, 0);
    this.touch(place, 0);
    return place;
  }

  #setReach(place: number, reach: number): void {
    const { float64 } = this.#memory.views;
    const at = this.columns.reaches / 8 + place;
    this.#reachSum += reach - float64[at]!;
    float64[at] = reach;
  }

  /** Makes kernels skip a slot: they score four at a time, some of which may not be in use. */
  #clear(place: number): void {
    const { float64 } = this.#memory.views;
    float64[this.columns.biases / 8 + place] = -Infinity;
    float64[this.columns.reaches / 8 + place] = 0;
    this.setEntries(place, 0, 0, 0);
  }

  #grow(): void {
    const before = this.columns;
    const [address, pages] = [this.#address, this.#pages];
    this.#pages = pages + Math.ceil((pages + 1) / 4);
    this.#address = this.#memory.allocate(this.#pages);
    this.#memory.views.uint8.fill(0, this.#address, this.#address + this.bytes);
    const perList = this.stride + 8 * DOUBLES + 4 * WORDS;
    this.columns = this.#layOut(this.#address, Math.floor(this.bytes / perList / 4) * 4);
    const { uint8 } = this.#memory.views;
    const { codes, scales, biases, reaches, firsts, lasts, counts, used } = before;
    const copies = [
      [this.columns.codes, codes, this.stride],
      [this.columns.scales, scales, 8],
      [this.columns.biases, biases, 8],
      [this.columns.reaches, reaches, 8],
      [this.columns.firsts, firsts, 4],
      [this.columns.lasts, lasts, 4],
      [this.columns.counts, counts, 4],
      [this.columns.used, used, 4],
    ] as const;
    for (const [to, from, bytes] of copies) uint8.copyWithin(to, from, from + bytes * this.count);
    for (let place = this.count; place < this.columns.capacity; place += 1) this.#clear(place);
    if (pages > 0) this.#memory.free(address, pages);
  }

  #layOut(address: number, capacity: number): Columns {
    const codes = address;
    const scales = codes + capacity * this.stride;
    const biases = scales + capacity * 8;
    const reaches = biases + capacity * 8;
    const firsts = reaches + capacity * 8;
    const lasts = firsts + capacity * 4;
    const counts = lasts + capacity * 4;
    return { codes, scales, biases, reaches, firsts, lasts, counts, used: counts + capacity * 4, capacity };
  }
}
