import { must } from '../../kernel/assert.ts';
import type { Steps } from '../../kernel/stepped-work.ts';
import { WINDOW_ORDINALS } from './clause-cursor.ts';
import { PartWalk } from './part-walk.ts';
import type { WalkScratch } from './part-walk.ts';
import type { PostingBlocks, TermScorer } from './posting-blocks.ts';
import type { PartColumn, PostingPart } from './posting-part.ts';
import { firstAtLeast } from './posting-part.ts';
import type { Clause, RowFilter, SearchWork, SparseHits, SparseQuery } from './sparse-query.ts';
import { TopRows } from './top-rows.ts';
import { AllMask, conditionMask, GivenMask } from './window-mask.ts';
import type { WindowMask } from './window-mask.ts';

// Reading a posting takes 2 to 4 ns, so a step takes 1 to 2 ms.
const STEP_POSTINGS = 400_000;
// Lists found in a step: one that has to be read takes some 30 us.
const STEP_LISTS = 256;
// What a window costs besides its postings, as postings.
const WINDOW_POSTINGS = 64;
/** A filter is asked row by row unless it leaves this many times fewer rows than there are postings to read: then its rows lead. */
const LEAD_SHARE = 8;

// Postings of one window at most: of many clauses, windows are smaller.
const WINDOW_POSTINGS_MAX = STEP_POSTINGS;

/** Where the parts of a namespace are: they change when rows are flushed and segments merged. */
export interface SearchedPostings {
  parts(namespace: number): readonly PostingPart[];
  /** How often segments were replaced, whose lists are deleted then. */
  readonly replacements: number;
}

/** A part with its lists, all found at one time: what is put or merged afterwards does not touch it. */
interface SearchedPart {
  readonly part: PostingPart;
  readonly lists: readonly (PostingBlocks | undefined)[];
  readonly count: number;
}

/** A search over the parts of a namespace. */
export class QueryWalk {
  readonly #query: SparseQuery;
  readonly #postingsNow: () => SearchedPostings;
  readonly #top: TopRows;
  readonly #scratch: WalkScratch;
  // Positions of clauses by weight, the highest first; equal ones as the query has them.
  readonly #order: readonly number[];
  readonly #scorers: readonly TermScorer[];
  #postings = 0;
  #postingsRead = 0;
  #candidates = 0;

  constructor(query: SparseQuery, postingsNow: () => SearchedPostings, scratch: WalkScratch) {
    this.#query = query;
    this.#postingsNow = postingsNow;
    this.#top = new TopRows(query);
    this.#scratch = scratch;
    const weight = (at: number): number => Math.abs(query.clauses[at]!.weight);
    this.#order = [...query.clauses.keys()].sort((a, b) => weight(b) - weight(a));
    this.#scorers = query.clauses.map(scorerOf);
  }

  /** Yields between steps of a millisecond or two. */
  *inSteps(): Steps<SparseHits> {
    let due = STEP_POSTINGS;
    const ordinals = windowOrdinals(this.#query.clauses.length);
    for (const searched of yield* this.#found()) {
      const walk = this.#open(searched);
      if (walk === undefined) continue;
      for (let start = 0; start < searched.count; start += ordinals) {
        const before = walk.postingsRead;
        walk.window(start, Math.min(start + ordinals, searched.count));
        yield* this.#top.judged();
        due -= walk.postingsRead - before + WINDOW_POSTINGS;
        if (due > 0) continue;
        yield undefined;
        due = STEP_POSTINGS;
      }
      this.#postingsRead += walk.postingsRead;
      this.#candidates += walk.candidates;
    }
    const found = this.#top.toSorted();
    return { rows: found.map(({ row }) => row), scores: found.map(({ score }) => score), work: this.#work };
  }

  /** Large parts first: they raise the threshold. Lists of segments that are merged between two steps are found anew. */
  *#found(): Steps<readonly SearchedPart[]> {
    const { clauses, namespace } = this.#query;
    for (;;) {
      const postings = this.#postingsNow();
      const { replacements } = postings;
      const isCurrent = (): boolean => this.#postingsNow() === postings && postings.replacements === replacements;
      const parts = postings.parts(namespace).toSorted((a, b) => b.rows.length - a.rows.length);
      const lists = parts.map((): (PostingBlocks | undefined)[] => []);
      let due = STEP_LISTS;
      for (const { field, term } of clauses) {
        if (due <= 0) {
          yield undefined;
          due = STEP_LISTS;
          if (!isCurrent()) break;
        }
        parts.forEach((part, i) => lists[i]!.push(part.find(field, term)));
        due -= parts.length;
      }
      if (isCurrent()) return parts.map((part, i) => ({ part, lists: lists[i]!, count: part.rows.length }));
    }
  }

  get #work(): SearchWork {
    return { postings: this.#postings, postingsRead: this.#postingsRead, candidates: this.#candidates };
  }

  /** Undefined when the part has none of the terms. */
  #open({ part, lists }: SearchedPart): PartWalk | undefined {
    const cursors = this.#order.flatMap((at) => {
      const list = lists[at];
      if (list === undefined) return [];
      const cursor = this.#scratch.cursor(at);
      cursor.open(list, this.#scorers[at]!, columnOf(part, this.#query.clauses[at]!).lengths);
      return cursor;
    });
    if (cursors.length === 0) return undefined;
    const postings = lists.reduce((sum, list) => sum + (list?.count ?? 0), 0);
    this.#postings += postings;
    const { among } = this.#query;
    const leads = among !== undefined && LEAD_SHARE * among.size < postings;
    const mask = this.#mask(part, lists, leads ? among : undefined);
    const { accumulators } = this.#scratch;
    return new PartWalk(part, cursors, { top: this.#top, among: leads ? undefined : among, mask, accumulators });
  }

  #mask(part: PostingPart, lists: readonly (PostingBlocks | undefined)[], leading: RowFilter | undefined): WindowMask | undefined {
    const { condition } = this.#query;
    const conditional = condition === undefined ? undefined : conditionMask(condition, lists);
    if (leading === undefined) return conditional;
    const given = new GivenMask(ordinalsOf(part, leading));
    return conditional === undefined ? given : new AllMask([given, conditional]);
  }
}

/** A multiple of 32. */
const windowOrdinals = (clauses: number): number =>
  Math.min(WINDOW_ORDINALS, 32 * Math.ceil(WINDOW_POSTINGS_MAX / (32 * Math.max(1, clauses))));

function scorerOf({ weight, scoring }: Clause): TermScorer {
  if (scoring.kind === 'product') return { isText: false, weight, c0: 0, c1: 0 };
  const { k1, b, averageLength } = scoring;
  return { isText: true, weight: weight * (k1 + 1), c0: k1 * (1 - b), c1: averageLength > 0 ? (k1 * b) / averageLength : 0 };
}

const columnOf = (part: PostingPart, { field }: Clause): PartColumn => must(part.column(field), 'a part has the fields of its lists');

/** The ordinals of the filter's rows in a part, ascending. */
function ordinalsOf(part: PostingPart, among: RowFilter): Uint32Array {
  const ordinals = new Uint32Array(Math.min(among.size, part.rows.length));
  let count = 0;
  const { rows } = part;
  let [reached, reachedRow] = [0, rows[0]!];
  const last = rows[rows.length - 1]!;
  for (const row of among) {
    if (row < reachedRow) continue;
    if (row > last) break;
    // Rows ascend by one at least, so the row is at this distance at most; where no number is missing it is just there.
    let at = Math.min(reached + (row - reachedRow), part.rows.length - 1);
    if (rows[at] !== row) at = firstAtLeast(rows, row, reached, at);
    [reached, reachedRow] = [at, rows[at]!];
    if (reachedRow === row) ordinals[count++] = at;
  }
  return ordinals.subarray(0, count);
}
