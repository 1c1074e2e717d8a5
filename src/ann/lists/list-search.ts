import { assert } from '../../kernel/assert.ts';
import { BoundedHeap } from '../../kernel/heap.ts';
import { CODE_MAX } from '../quantise.ts';
import type { SearchCost } from '../search-cost.ts';
import type { BlockLayout } from './block-layout.ts';
import { BLOCK_ENTRIES } from './block-layout.ts';
import type { ListDirectory } from './list-directory.ts';
import type { ListModel } from './list-model.ts';
import type { ProbeKernels } from './probe-kernels.ts';
import { QueryTables } from './query-tables.ts';
import type { RowBitmap } from './row-bitmap.ts';

/** The most entries a search hands on to rescoring. */
export const RESCORE_MAX_COUNT = 32_768;

export interface ListQuery {
  /** The query as the user gave it. [dimensions] */
  readonly values: Float32Array;
  /** How many rows to propose, at least 1. */
  readonly count: number;
  /** More are proposed, up to `countMax`, as long as int8 codes do not prove that they are behind the `of`-th. Without it, none. */
  readonly undecided?: { readonly of: number; readonly countMax: number };
  /** Probing stops at the first list whose entries would have to gain more than this over their centroid, in units of the scan (z). */
  readonly stop: number;
  /** Whether `stop` is for lists whose vectors lie as far from their centroid as usual, and grows in proportion; known of `cosine` alone. */
  readonly stopsByReach?: boolean | undefined;
  /** How many entries the scan hands on to rescoring (R), at least `count`, at most `RESCORE_MAX_COUNT`. */
  readonly rescoreCount: number;
  /** Which rows may be found: live, of the namespace, accepted by the filter. */
  readonly allowed: RowBitmap;
}

export interface ListAnswer {
  /** At most `count` of them when probing, but for those that are undecided; closest first, equally close ones by their row. */
  readonly rows: readonly number[];
  /** q.x + b over the codes; see `prepare`. */
  readonly closeness: readonly number[];
  /** For exact searches: the true closeness differs by at most this. */
  readonly errors: readonly number[] | null;
  readonly cost: ListCost;
}

export type ListCost = Omit<SearchCost, 'shardsAsked' | 'rowsRead'>;

/** For a dimension that was rounded to int8, in units of its scale: half a unit, and the earlier error of float32. */
const ROUNDING = 0.501;
/** Scales of vectors next to zero are rounded, too. */
const SCALE_ERROR = 1e-42;
/** Relative, of float64 sums of products. */
const ARITHMETIC = 1e-12;

/** For a scale of 1: how long that may be which a vector's codes lose of it, and how long it is itself at most. */
interface CodeBounds {
  readonly lost: number;
  readonly length: number;
}

/**
 * How far the closeness of a vector may be from that of its codes, as wasm/probe/candidates.ts adds it up. With e for what the codes lose of x,
 * and d for what the query's lose of q: q.x differs by at most |q||e| + |d||x|, and q.x - |x|^2 / 2 by at most |q - x||e| + |e|^2 / 2 + |d||x|.
 */
const codeBounds = (dimensions: number): CodeBounds => ({
  lost: Math.sqrt(dimensions) * ROUNDING,
  length: Math.sqrt(dimensions) * (CODE_MAX + 1),
});

// As in wasm/probe/search.ts.
const WINDOW = 512;
const CHUNK = 64;
const SUM_MAX = 127;

/** What the codes of an entry add to its list's base at most. */
const sumMaxOf = (nibbles: number): number => SUM_MAX * Math.ceil(nibbles / CHUNK);

// What rounding to int8 does to a closeness is spread with |q| scale / sqrt(12). Two that lie apart by so many |q| scale are hardly ever
// in the other order: see `refine` in wasm/probe/candidates.ts.
const NOISE_MARGIN = 3 / Math.sqrt(12);

// Candidates are weeded out when twice as many as needed have been found, and not more often than once in this many.
const WEEDING_MIN = 1024;

/** The true closeness of a row differs by `error` at most. */
interface Interval {
  readonly row: number;
  readonly closeness: number;
  readonly error: number;
}

/** What a list's rank gains as its vectors lie farther from its centroid than usual: where probing stops, `stop` grows by the same ratio. */
const slackOf = (stop: number, inverse: number, usualReach: number): number =>
  inverse === 0 || usualReach === 0 ? 0 : Math.min(Number.MAX_VALUE, Math.max(0, stop) / inverse / usualReach);

interface Missing {
  pagedIn: number;
  readonly pageIn: (list: number) => void;
}

/** Searches the lists of a directory. One search at a time uses the kernels' frame. */
export class ListSearch {
  readonly #kernels: ProbeKernels;
  readonly #directory: ListDirectory;
  readonly #layout: BlockLayout;
  readonly #tables: QueryTables;
  readonly #floatCount: number;
  #tick = 0;
  #isUnderWay = false;

  constructor(kernels: ProbeKernels, model: ListModel, directory: ListDirectory, layout: BlockLayout) {
    this.#kernels = kernels;
    this.#directory = directory;
    this.#layout = layout;
    this.#tables = new QueryTables(kernels, model);
    this.#floatCount = layout.nibbles * model.subspaceDimensions;
  }

  get bytes(): number {
    return this.#tables.bytes;
  }

  free(): void {
    this.#tables.free();
  }

  /** Called before the blocks of the list in a slot are freed: the search under way uses what it needs of them now. */
  beforeEviction(place: number): void {
    if (!this.#isUnderWay || this.#directory.usedAt(place) !== this.#tick) return;
    this.#kernels.run.compact(this.#kernels.frame.address);
    this.#kernels.run.settle(this.#kernels.frame.address, 1);
  }

  search(query: ListQuery, pageIn: (list: number) => void): ListAnswer {
    assert(query.count >= 1 && query.rescoreCount >= query.count, 'a search rescores at least as many entries as it proposes');
    assert(query.rescoreCount <= RESCORE_MAX_COUNT, `a search rescores at most ${RESCORE_MAX_COUNT} entries`);
    const { frame, run } = this.#kernels;
    return this.#during(() => {
      const missing = { pagedIn: 0, pageIn };
      this.#begin(query, Math.max(2 * query.rescoreCount, query.rescoreCount + WEEDING_MIN));
      this.#tables.code(query.values);
      this.#tables.tabulate();
      const { usualReach } = this.#directory;
      frame.setDouble('slack', query.stopsByReach === true ? slackOf(this.#stopOf(query), frame.double('inverse'), usualReach) : 0);
      run.scoreLists(frame.address);
      if (frame.double('inverse') === 0) frame.setDouble('inverse', this.#coarseInverse());
      while (frame.double('nextTop') > -Infinity && frame.word('found') < query.rescoreCount) {
        run.openWindow(frame.address);
        this.#probe(missing);
        // Enough were found, and entries further behind cannot be among them.
        if (frame.word('need') > 0) break;
      }
      run.compact(frame.address);
      run.settle(frame.address, 0);
      run.refine(frame.address, query.count);
      return this.#answer(this.#select(query), missing.pagedIn);
    });
  }

  searchExact(query: ListQuery, pageIn: (list: number) => void): ListAnswer {
    const { frame } = this.#kernels;
    return this.#during(() => {
      const missing = { pagedIn: 0, pageIn };
      this.#begin(query, WEEDING_MIN);
      const queryError = this.#tables.code(query.values);
      const candidates: Interval[] = [];
      const guaranteed = new BoundedHeap<number>(query.count, (a, b) => b - a);
      let [threshold, rescored] = [-Infinity, 0];
      for (const found of this.#allAllowed(missing)) {
        rescored += found;
        for (const candidate of this.#weeded(threshold, queryError)) {
          candidates.push(candidate);
          guaranteed.push(candidate.closeness - candidate.error);
          if (guaranteed.isFull) threshold = guaranteed.last ?? threshold;
        }
      }
      const kept = candidates.filter(({ closeness, error }) => closeness + error >= threshold);
      kept.sort((a, b) => b.closeness - a.closeness || a.row - b.row);
      return {
        rows: kept.map(({ row }) => row),
        closeness: kept.map(({ closeness }) => closeness),
        errors: kept.map(({ error }) => error),
        cost: this.#cost(rescored, missing.pagedIn, frame.word('listsProbed'), frame.word('codesScanned')),
      };
    });
  }

  #during<T>(search: () => T): T {
    assert(!this.#isUnderWay, 'one search at a time');
    this.#isUnderWay = true;
    try {
      return search();
    } finally {
      this.#isUnderWay = false;
    }
  }

  #begin(query: ListQuery, candidatesMax: number): void {
    const { frame, memory } = this.#kernels;
    const { dimensions, nibbles, blockBytes, rowsAt, cellShift, recordBytes, isDistance, hasLow } = this.#layout;
    assert(query.values.length === dimensions, `a query of this index has ${dimensions} dimensions, not ${query.values.length}`);
    const sumMax = sumMaxOf(nibbles);
    const { capacity } = this.#directory.columns;
    // The keys of a list that reaches less far than usual begin above its rank, by `stop` at most.
    const keyCount = WINDOW + 2 * sumMax + 1;
    frame.layOut({ dimensions, nibbles, listCapacity: capacity, candidatesMax, keyCount, floatCount: this.#floatCount });
    this.#tick += 1;
    this.#pointAtLists();
    frame.setWord('stride', this.#directory.stride);
    frame.setWord('dimensions', dimensions);
    frame.setWord('nibbles', nibbles);
    frame.setWord('blockBytes', blockBytes);
    frame.setWord('rowsAt', rowsAt);
    frame.setWord('cellShift', cellShift);
    frame.setWord('record', recordBytes);
    frame.setWord('isDistance', Number(isDistance));
    frame.setWord('hasLow', Number(hasLow));
    frame.setWord('goal', query.rescoreCount);
    frame.setWord('stop', this.#stopOf(query));
    for (const name of ['found', 'need', 'atLeast', 'start', 'listsProbed', 'codesScanned'] as const) frame.setWord(name, 0);
    const pages = query.allowed.pages;
    const bitmap = frame.word('bitmap') / 4;
    const { uint32 } = memory.views;
    for (let page = 0; page < pages.length; page += 1) uint32[bitmap + page] = pages[page]!;
    frame.setWord('bitmapPages', pages.length);
  }

  /** In whole units. Sums saturate: an entry that needs more than they reach is out of reach. */
  #stopOf({ stop }: ListQuery): number {
    return Math.max(-WINDOW, Math.min(sumMaxOf(this.#layout.nibbles), Math.floor(stop)));
  }

  /** Where the directory is. */
  #pointAtLists(): void {
    const { frame } = this.#kernels;
    const { codes, scales, biases, reaches, firsts, counts, used } = this.#directory.columns;
    frame.setWord('lists', this.#directory.count);
    frame.setWord('listCodes', codes);
    frame.setWord('listScales', scales);
    frame.setWord('listBiases', biases);
    frame.setWord('listReaches', reaches);
    frame.setDouble('usualReach', this.#directory.usualReach);
    frame.setWord('listFirsts', firsts);
    frame.setWord('listCounts', counts);
    frame.setWord('listUsed', used);
    frame.setWord('tick', this.#tick);
  }

  /** Where all vectors of a list look alike, the lists differ by half a window between the best and the worst. */
  #coarseInverse(): number {
    const { frame, memory } = this.#kernels;
    const start = frame.word('ranks') / 8;
    const ranks = memory.views.float64.subarray(start, start + this.#directory.count);
    const range = frame.double('nextTop') - ranks.reduce((least, rank) => Math.min(least, rank), Infinity);
    return range > 0 ? Math.min(WINDOW / 2 / range, Number.MAX_VALUE) : 0;
  }

  #probe(missing: Missing): void {
    const { frame, run, memory } = this.#kernels;
    let place = run.probe(frame.address, 0);
    while (place !== -1) {
      const word = memory.views.uint32[frame.word('order') / 4 + place]!;
      this.#pageIn(Math.floor(word / WINDOW), missing);
      place = run.probe(frame.address, place);
    }
  }

  #pageIn(place: number, missing: Missing): void {
    missing.pageIn(this.#directory.listAt(place));
    missing.pagedIn += 1;
    assert(this.#directory.firstAt(place) !== 0, 'a list that a search misses is paged in');
  }

  /** Puts the entries to propose in order and answers how many they are. */
  #select({ count, undecided }: ListQuery): number {
    const { frame, run, memory } = this.#kernels;
    const size = run.select(frame.address, count);
    // With both planes, codes separate entries a hundred times better.
    if (undecided === undefined || size < count || this.#layout.hasLow) return size;
    const { uint32, float32, float64 } = memory.views;
    const [closeness, scales, found] = [frame.word('closeness') / 8, frame.word('scales') / 4, frame.word('found')];
    const last = float64[closeness + uint32[frame.word('heap') / 4 + undecided.of - 1]!]!;
    const [length, { isDistance }] = [frame.double('queryLength'), this.#layout];
    let reaching = 0;
    for (let i = 0; i < found; i += 1) {
      const close = float64[closeness + i]!;
      const reach = isDistance ? Math.sqrt(Math.max(0, length * length - 2 * close)) : length;
      if (close + NOISE_MARGIN * reach * float32[scales + i]! >= last) reaching += 1;
    }
    return reaching > size ? run.select(frame.address, Math.min(reaching, undecided.countMax)) : size;
  }

  #answer(size: number, pagedIn: number): ListAnswer {
    const { frame, memory } = this.#kernels;
    const { uint32, float64 } = memory.views;
    const [heap, rowsAt, closenessAt] = [frame.word('heap') / 4, frame.word('rows') / 4, frame.word('closeness') / 8];
    // Plain arrays: making a typed one of this size takes longer than to fill it.
    const rows: number[] = [];
    const closeness: number[] = [];
    for (let i = 0; i < size; i += 1) {
      const candidate = uint32[heap + i]!;
      rows.push(uint32[rowsAt + candidate]!);
      closeness.push(float64[closenessAt + candidate]!);
    }
    const cost = this.#cost(frame.word('found'), pagedIn, frame.word('listsProbed'), frame.word('codesScanned'));
    return { rows, closeness, errors: null, cost };
  }

  #cost(rescored: number, listsPagedIn: number, listsProbed: number, codesScanned: number): ListCost {
    const { nibbles, recordBytes } = this.#layout;
    const bytesTouched = Math.round(
      this.#directory.count * (this.#directory.stride + 32) + codesScanned * (nibbles / 2) + rescored * recordBytes,
    );
    return { listsProbed, codesScanned, rescored, listsPagedIn, bytesTouched };
  }

  /** Of the rescored candidates, those that may reach the threshold. */
  #weeded(threshold: number, queryError: number): Interval[] {
    const { frame, memory, run } = this.#kernels;
    const { lost, length } = codeBounds(this.#layout.dimensions);
    const count = run.weed(frame.address, threshold, SCALE_ERROR, lost, length, queryError, ARITHMETIC);
    const { uint32, float64 } = memory.views;
    const [rowsAt, closenessAt, errorsAt] = [frame.word('rows') / 4, frame.word('closeness') / 8, frame.word('candidates') / 8];
    return Array.from({ length: count }, (_, i) => ({
      row: uint32[rowsAt + i]!,
      closeness: float64[closenessAt + i]!,
      error: float64[errorsAt + i]!,
    }));
  }

  /** Rescores every allowed entry, some at a time, and answers how many those are. */
  *#allAllowed(missing: Missing): Generator<number> {
    const { frame, run } = this.#kernels;
    const settled = function* () {
      const found = frame.word('found');
      if (found === 0) return;
      // Ordered by their codes alone: all candidates are read anyway.
      run.settle(frame.address, 0);
      yield found;
      frame.setWord('found', 0);
    };
    let [listsProbed, codesScanned, roomLeft] = [0, 0, frame.word('candidatesMax')];
    for (let place = 0; place < this.#directory.count; place += 1) {
      const count = this.#directory.countAt(place);
      if (count > 0 && this.#directory.firstAt(place) === 0) {
        // What comes may evict the lists whose entries were found.
        yield* settled();
        this.#pageIn(place, missing);
      }
      this.#directory.touch(place, this.#tick);
      listsProbed += Number(count > 0);
      codesScanned += count;
      let block = this.#directory.firstAt(place);
      for (let rest = count; rest > 0; rest -= BLOCK_ENTRIES) {
        block = run.gather(frame.address, block, Math.min(BLOCK_ENTRIES, rest));
        roomLeft -= BLOCK_ENTRIES;
        if (roomLeft >= BLOCK_ENTRIES) continue;
        yield* settled();
        roomLeft = frame.word('candidatesMax');
      }
    }
    yield* settled();
    frame.setWord('listsProbed', listsProbed);
    frame.setWord('codesScanned', codesScanned);
  }
}
