import { isReachable } from '../../contract/vectors/filter.ts';
import type { Condition, Filter } from '../../contract/vectors/filter.ts';
import type { JsonValue } from '../../contract/api/json-value.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { must, unreachable } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
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

/**
 * The rows of a namespace that a filter accepts. Rows known in full are found by the index alone, whatever the filter, but for
 * `$elemMatch`; the others are judged by their metadata. Refuses with `limit_exceeded` what reads too much.
 */
export function selectRows(filter: Filter, namespace: number, index: PropertyIndex, few: Few = FEW): Outcome<Selection> {
  const judged = new RowSet();
  const accepted = new RowSet();
  for (const vector of index.incomplete(namespace, [...new Set(pathsOf(filter))])) {
    judged.add(vector.row);
    if (isAccepted(filter, vector)) accepted.add(vector.row);
  }
  const known = new Selection(judged, true);
  const selector = new Selector(namespace, index, few);
  const found = selector.select(filter, known).and(known).or(new Selection(accepted));
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
  #entriesRead = 0;
  #vectorsRead = 0;
  /** Which limit was exceeded; what is selected from then on is meaningless. */
  exceeded: Outcome<never> | undefined;

  constructor(namespace: number, index: PropertyIndex, few: Few) {
    this.#few = few;
    this.#namespace = namespace;
    this.#index = index;
  }

  /** States of the rows in `among` which ones the filter accepts; nothing about others. */
  select(filter: Filter, among: Selection): Selection {
    if (this.#isFew(among)) return this.#judge(filter, among);
    switch (filter.kind) {
      case 'and':
        return this.#selectAll(filter.of, among);
      case 'or':
        return filter.of.map((part) => this.select(part, among)).reduce((any, part) => any.or(part), NO_ROW);
      case 'atLeast':
        return atLeast(
          filter.count,
          filter.of.map((part) => this.select(part, among)),
        );
      case 'not':
        return this.select(filter.of, among).not();
      case 'element':
        return this.#withElement(filter, among);
      case 'ids':
        return this.#withIds(filter.ids);
      case 'count':
        return this.#counting(filter);
      case 'within':
        return this.#within(filter);
      case 'equals':
      case 'range':
      case 'exists':
        return this.#inRanges(entryRanges(filter));
      default:
        return unreachable(filter);
    }
  }

  /** The condition that fewest rows meet comes first: the rest may then be judged by the metadata of the remaining rows. */
  #selectAll(parts: readonly Filter[], among: Selection): Selection {
    const wide: Filter[] = [];
    let left = among;
    for (const part of parts) {
      const narrow = parts.length === 1 ? undefined : this.#narrow(part);
      if (narrow === undefined) wide.push(part);
      else left = left.and(narrow);
    }
    if (wide.length > 0 && this.#isFew(left)) return this.#judge({ kind: 'and', of: wide }, left);
    // Elements are judged by metadata, so everything else goes before.
    const byCost = wide.toSorted((a, b) => Number(a.kind === 'element') - Number(b.kind === 'element'));
    for (const part of byCost) left = left.and(this.select(part, left));
    return left;
  }

  /** What `select` would answer, if that takes few entries. */
  #narrow(filter: Filter): Selection | undefined {
    if (filter.kind === 'not') return this.#narrow(filter.of)?.not();
    if (filter.kind === 'ids') return this.#withIds(filter.ids);
    return filter.kind === 'equals' || filter.kind === 'range' ? this.#inFewEntries(entryRanges(filter)) : undefined;
  }

  #inFewEntries(ranges: readonly EntryRange[]): Selection | undefined {
    const rows = new RowSet();
    let left = this.#few.entries;
    for (const range of ranges) {
      for (const list of this.#index.rowsIn(this.#namespace, range, left + 1)) {
        left -= list.length;
        if (left < 0) return undefined;
        for (const row of list) rows.add(row);
      }
    }
    return new Selection(rows);
  }

  #inRanges(ranges: readonly EntryRange[]): Selection {
    const rows = new RowSet();
    for (const range of ranges) {
      for (const list of this.#index.rowsIn(this.#namespace, range)) {
        if (this.#exceeds(list.length)) return NO_ROW;
        for (const row of list) rows.add(row);
      }
    }
    return new Selection(rows);
  }

  #within(condition: Extract<Condition, { kind: 'within' }>): Selection {
    const rows = new RowSet();
    for (const range of entryRanges(condition)) {
      for (const list of this.#index.keysIn(this.#namespace, range)) {
        if (this.#exceeds(list.length)) return NO_ROW;
        for (const [row, key] of list) if (isWithin(condition.area, pointOfGeoKey(key))) rows.add(row);
      }
    }
    return new Selection(rows);
  }

  /** The index holds the lengths of arrays; at a path without arrays, null counts nothing and everything else one. */
  #counting({ path, interval }: Extract<Condition, { kind: 'count' }>): Selection {
    const counted = this.#inRanges([arrays(path, interval)]);
    const withoutArrays = () => this.#inRanges([arrays(path)]).not();
    const hasOne = numberLiesIn(interval, 1);
    const hasNone = numberLiesIn(interval, 0);
    if (!hasOne && !hasNone) return counted;
    const others = this.#inRanges([...(hasOne ? singles(path) : []), ...(hasNone ? [{ path, kind: 'null' as const }] : [])]);
    const found = counted.or(others.and(withoutArrays()));
    return hasNone ? found.or(this.#inRanges(entryRanges({ kind: 'exists', path })).not()) : found;
  }

  #withElement(filter: Extract<Filter, { kind: 'element' }>, among: Selection): Selection {
    const candidates = this.select(necessary(filter), among).and(among);
    if (candidates.rows !== undefined) return this.#judge(filter, candidates);
    return this.#judge(filter, candidates.and(this.#inRanges(entryRanges({ kind: 'exists', path: filter.path }))));
  }

  #withIds(ids: readonly string[]): Selection {
    return new Selection(RowSet.of(this.#index.rowsOf(this.#namespace, ids)));
  }

  #judge(filter: Filter, among: Selection): Selection {
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
      for (const vector of this.#index.read(rows.slice(start, start + JUDGED_ROWS))) {
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
const JUDGED_ROWS = 1_000;

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
