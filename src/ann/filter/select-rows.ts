import { isReachable } from '../../contract/vectors/filter.ts';
import type { Condition, Filter } from '../../contract/vectors/filter.ts';
import type { JsonValue } from '../../contract/api/json-value.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { must, unreachable } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { SteppedWork } from '../../kernel/stepped-work.ts';
import type { Row } from '../stored-vector.ts';
import { accepts, numberLiesIn } from './accepts.ts';
import { isWithin, pointOfGeoKey } from './geo.ts';
import type { EntryRange } from './property-entries.ts';
import { arrays, entryRanges, singles } from './property-entries.ts';
import { RowSet } from './row-set.ts';
import { Selection } from './selection.ts';

/** What a filter looks at of a vector. */
export interface JudgedVector {
  readonly row: Row;
  readonly id: string;
  /** Encoded as JSON; null for none. */
  readonly metadata: string | null;
}

/** The property entries of a shard's vectors, by namespace, path, kind and value. */
export interface PropertyIndex {
  /** The rows that have an entry in the range, in lists; a row may come more than once. At most `countMax`. */
  rowsIn(namespace: number, range: EntryRange, countMax?: number): Iterable<readonly Row[]>;
  /** The entries themselves of a range of points, in lists. */
  keysIn(namespace: number, range: EntryRange): Iterable<readonly (readonly [row: Row, key: string])[]>;
  rowsOf(namespace: number, ids: readonly string[]): Row[];
  read(rows: readonly Row[]): Iterable<JudgedVector>;
  /** All vectors that may have more at one of these paths than the index holds; one may come more than once. */
  incomplete(namespace: number, paths: readonly string[]): Iterable<JudgedVector>;
}

/** Yields where others are due. */
type Steps<T> = Generator<undefined, T>;

/**
 * The rows of a namespace that a filter accepts. Rows known in full are found by the index alone, whatever the filter, but for
 * `$elemMatch`; the others are judged by their metadata. Refuses with `limit_exceeded` what reads too much. [V147] [V211]
 */
export function* selectRows(
  filter: Filter,
  namespace: number,
  index: PropertyIndex,
  work: SteppedWork,
  few: Few = FEW,
): Steps<Outcome<Selection>> {
  const selector = new Selector(namespace, index, work, few);
  const judged = new RowSet();
  const accepted = new RowSet();
  for (const vector of index.incomplete(namespace, [...new Set(pathsOf(filter))])) {
    judged.add(vector.row);
    if (work.spend(unitsToJudge(filter, vector))) yield;
    if (isAccepted(filter, vector)) accepted.add(vector.row);
  }
  const known = new Selection(judged, true);
  const found = (yield* selector.select(filter, known)).and(known).or(new Selection(accepted));
  return selector.exceeded ?? ok(found);
}

const EVERY_ROW = new Selection(new RowSet(), true);
const NO_ROW = new Selection(new RowSet());

/** What counts as few. */
interface Few {
  /** Rows that are judged by their metadata rather than by wide conditions. */
  readonly rows: number;
  /** Entries that are read to find out that a condition is wide. */
  readonly entries: number;
}

const FEW: Few = { rows: INDEX_LIMITS.filterNarrowMaxCount, entries: 4 * INDEX_LIMITS.filterNarrowMaxCount };

/** Selects rows known in full. */
class Selector {
  readonly #namespace: number;
  readonly #index: PropertyIndex;
  readonly #few: Few;
  readonly #work: SteppedWork;
  #entriesRead = 0;
  #vectorsRead = 0;
  /** Which limit was exceeded; what is selected from then on is meaningless. */
  exceeded: Outcome<never> | undefined;

  constructor(namespace: number, index: PropertyIndex, work: SteppedWork, few: Few) {
    this.#work = work;
    this.#few = few;
    this.#namespace = namespace;
    this.#index = index;
  }

  /** States of the rows in `among` which ones the filter accepts; nothing about others. */
  *select(filter: Filter, among: Selection): Steps<Selection> {
    if (this.#isFew(among)) return yield* this.#judge(filter, among);
    switch (filter.kind) {
      case 'and':
        return yield* this.#selectAll(filter.of, among);
      case 'or':
        return (yield* this.#selectEach(filter.of, among)).reduce((any, part) => any.or(part), NO_ROW);
      case 'atLeast':
        return atLeast(filter.count, yield* this.#selectEach(filter.of, among));
      case 'not':
        return (yield* this.select(filter.of, among)).not();
      case 'element':
        return yield* this.#withElement(filter, among);
      case 'ids':
        return this.#withIds(filter.ids);
      case 'count':
        return yield* this.#counting(filter);
      case 'within':
        return yield* this.#within(filter);
      case 'equals':
      case 'range':
      case 'exists':
        return yield* this.#inRanges(entryRanges(filter));
      default:
        return unreachable(filter);
    }
  }

  *#selectEach(parts: readonly Filter[], among: Selection): Steps<Selection[]> {
    const selected: Selection[] = [];
    for (const part of parts) selected.push(yield* this.select(part, among));
    return selected;
  }

  /** The condition that fewest rows meet comes first: the rest may then be judged by the metadata of the remaining rows. */
  *#selectAll(parts: readonly Filter[], among: Selection): Steps<Selection> {
    const wide: Filter[] = [];
    let left = among;
    for (const part of parts) {
      const narrow = parts.length === 1 ? undefined : yield* this.#narrow(part);
      if (narrow === undefined) wide.push(part);
      else left = left.and(narrow);
    }
    if (wide.length > 0 && this.#isFew(left)) return yield* this.#judge({ kind: 'and', of: wide }, left);
    // Elements are judged by metadata, so everything else goes before.
    const byCost = wide.toSorted((a, b) => Number(a.kind === 'element') - Number(b.kind === 'element'));
    for (const part of byCost) left = left.and(yield* this.select(part, left));
    return left;
  }

  /** What `select` would answer, if that takes few entries. */
  *#narrow(filter: Filter): Steps<Selection | undefined> {
    if (filter.kind === 'not') return (yield* this.#narrow(filter.of))?.not();
    if (filter.kind === 'ids') return this.#withIds(filter.ids);
    return filter.kind === 'equals' || filter.kind === 'range' ? yield* this.#inFewEntries(entryRanges(filter)) : undefined;
  }

  *#inFewEntries(ranges: readonly EntryRange[]): Steps<Selection | undefined> {
    const rows = new RowSet();
    let left = this.#few.entries;
    for (const range of ranges) {
      if (this.#work.spend(UNITS_PER_RANGE)) yield;
      for (const list of this.#index.rowsIn(this.#namespace, range, left + 1)) {
        if (this.#work.spend(list.length)) yield;
        left -= list.length;
        if (left < 0) return undefined;
        for (const row of list) rows.add(row);
      }
    }
    return new Selection(rows);
  }

  *#inRanges(ranges: readonly EntryRange[]): Steps<Selection> {
    const rows = new RowSet();
    for (const range of ranges) {
      if (this.#work.spend(UNITS_PER_RANGE)) yield;
      for (const list of this.#index.rowsIn(this.#namespace, range)) {
        if (this.#exceeds(list.length)) return NO_ROW;
        if (this.#work.spend(list.length)) yield;
        for (const row of list) rows.add(row);
      }
    }
    return new Selection(rows);
  }

  *#within(condition: Extract<Condition, { kind: 'within' }>): Steps<Selection> {
    const rows = new RowSet();
    const unitsPerPoint = 1 + edgesOf(condition) * UNITS_PER_EDGE;
    for (const range of entryRanges(condition)) {
      for (const list of this.#index.keysIn(this.#namespace, range)) {
        if (this.#exceeds(list.length)) return NO_ROW;
        if (this.#work.spend(list.length * unitsPerPoint)) yield;
        for (const [row, key] of list) if (isWithin(condition.area, pointOfGeoKey(key))) rows.add(row);
      }
    }
    return new Selection(rows);
  }

  /** The index holds the lengths of arrays; at a path without arrays, null counts nothing and everything else one. */
  *#counting({ path, interval }: Extract<Condition, { kind: 'count' }>): Steps<Selection> {
    const counted = yield* this.#inRanges([arrays(path, interval)]);
    const hasOne = numberLiesIn(interval, 1);
    const hasNone = numberLiesIn(interval, 0);
    if (!hasOne && !hasNone) return counted;
    const others = yield* this.#inRanges([...(hasOne ? singles(path) : []), ...(hasNone ? [{ path, kind: 'null' as const }] : [])]);
    const found = counted.or(others.and((yield* this.#inRanges([arrays(path)])).not()));
    return hasNone ? found.or((yield* this.#inRanges(entryRanges({ kind: 'exists', path }))).not()) : found;
  }

  *#withElement(filter: Extract<Filter, { kind: 'element' }>, among: Selection): Steps<Selection> {
    const candidates = (yield* this.select(necessary(filter), among)).and(among);
    if (candidates.rows !== undefined) return yield* this.#judge(filter, candidates);
    const having = yield* this.#inRanges(entryRanges({ kind: 'exists', path: filter.path }));
    return yield* this.#judge(filter, candidates.and(having));
  }

  #withIds(ids: readonly string[]): Selection {
    return new Selection(RowSet.of(this.#index.rowsOf(this.#namespace, ids)));
  }

  *#judge(filter: Filter, among: Selection): Steps<Selection> {
    const rows = [...must(among.rows, 'rows to be judged are listed one by one')];
    this.#vectorsRead += rows.length;
    if (this.#vectorsRead > INDEX_LIMITS.filterJudgedMaxCount) {
      this.exceeded ??= refuseBeyond({
        path: 'filter',
        limit: 'filterJudgedMaxCount',
        what: 'reads the metadata of too many vectors',
        advice: ADVICE,
      });
    }
    const accepted = new RowSet();
    if (this.exceeded !== undefined) return NO_ROW;
    for (let start = 0; start < rows.length; start += JUDGED_ROWS) {
      // They are all read before others have their turn, who may write.
      for (const vector of Array.from(this.#index.read(rows.slice(start, start + JUDGED_ROWS)))) {
        if (this.#work.spend(unitsToJudge(filter, vector))) yield;
        if (isAccepted(filter, vector)) accepted.add(vector.row);
      }
    }
    return new Selection(accepted);
  }

  #isFew({ rows }: Selection): boolean {
    return rows !== undefined && rows.size <= this.#few.rows;
  }

  #exceeds(entries: number): boolean {
    this.#entriesRead += entries;
    if (this.#entriesRead > INDEX_LIMITS.filterEntriesReadMaxCount) {
      this.exceeded ??= refuseBeyond({
        path: 'filter',
        limit: 'filterEntriesReadMaxCount',
        what: 'reads too many entries of the index',
        advice: ADVICE,
      });
    }
    return this.exceeded !== undefined;
  }
}

const ADVICE = 'ask for less, or also for something that few vectors have';

// Rows of one statement.
const JUDGED_ROWS = 64;

// What takes as long as reading an entry of the index, some 150 ns.
const UNITS_PER_RANGE = 130;
const UNITS_PER_EDGE = 0.02;
const UNITS_PER_JUDGED = 40;
const CHARS_PER_UNIT = 16;
/** Each condition looks at each value, which has two characters at least. */
const CHARS_PER_CONDITION_UNIT = 100;

/** What judging a vector by its metadata takes at most. */
const unitsToJudge = (filter: Filter, { metadata }: JudgedVector): number => {
  const chars = metadata?.length ?? 0;
  return UNITS_PER_JUDGED + chars / CHARS_PER_UNIT + (chars * partsOf(filter)) / CHARS_PER_CONDITION_UNIT;
};

const edgesOf = ({ area }: Extract<Condition, { kind: 'within' }>): number => JSON.stringify(area).length / 20;

/** Conditions, and edges of areas. */
function partsOf(filter: Filter): number {
  if (filter.kind === 'within') return edgesOf(filter);
  if (filter.kind === 'not' || filter.kind === 'element') return 1 + partsOf(filter.of);
  return 'of' in filter ? filter.of.reduce((sum, part) => sum + partsOf(part), 1) : 1;
}

// Stored only after it was validated as a JSON object.
const isAccepted = (filter: Filter, { id, metadata }: JudgedVector): boolean =>
  accepts(filter, metadata === null ? {} : (JSON.parse(metadata) as JsonValue), id);

/** Rows that are in at least `count` of some selections. */
function atLeast(count: number, selections: readonly Selection[]): Selection {
  if (count > selections.length) return NO_ROW;
  // The rows in at least n of the sets seen so far, for each n up to `count`.
  const levels = [EVERY_ROW, ...Array.from({ length: count }, () => NO_ROW)];
  for (const selection of selections) {
    for (let n = count; n > 0; n -= 1) {
      const below = must(levels[n - 1], 'there is a level below');
      levels[n] = must(levels[n], 'n is a level').or(below.and(selection));
    }
  }
  return must(levels[count], 'count is a level');
}

function pathsOf(filter: Filter): string[] {
  if (filter.kind === 'ids') return [];
  if (filter.kind === 'not') return pathsOf(filter.of);
  if (filter.kind === 'element') return [filter.path, ...pathsOf(necessary(filter))];
  return 'path' in filter ? [filter.path] : filter.of.flatMap(pathsOf);
}

/** Accepts everything. */
const ANYTHING: Filter = { kind: 'and', of: [] };

/** Conditions that the index can decide, and that hold for all metadata with an element that a filter accepts. */
const necessary = ({ path, of }: Extract<Filter, { kind: 'element' }>): Filter => weakened(of, path);

/** What is true of metadata if a filter accepts something at `root` of it: other elements may meet a condition, too, so no negation is. */
function weakened(filter: Filter, root: string): Filter {
  if ('of' in filter && 'path' in filter) return within(root, filter.path, (path) => weakened(filter.of, path));
  if ('path' in filter) return within(root, filter.path, (path) => atPath(filter, path));
  if (filter.kind === 'not' || filter.kind === 'ids') return ANYTHING;
  return { ...filter, of: filter.of.map((part) => weakened(part, root)) };
}

function within(root: string, relative: string, filterAt: (path: string) => Filter): Filter {
  const path = relative === '' ? root : `${root}.${relative}`;
  return isReachable(path) ? filterAt(path) : ANYTHING;
}

/** Where one element lacks the path, and so counts nothing there, another may have it. */
const atPath = (condition: Condition, path: string): Filter =>
  condition.kind === 'count' && numberLiesIn(condition.interval, 0) ? ANYTHING : { ...condition, path };
