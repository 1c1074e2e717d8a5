import type { PostingLists } from '../lists/posting-lists.ts';
import type { ListQuery } from '../lists/list-search.ts';
import type { RowBitmap } from '../lists/row-bitmap.ts';
import type { ListModel } from '../lists/list-model.ts';
import { prepare } from '../lists/list-model.ts';
import type { SearchCost } from '../search-cost.ts';
import { NO_COST } from '../search-cost.ts';
import type { Candidate } from '../rescoring.ts';
import type { SearchDepth } from './list-settings.ts';
import { proposalCount, proposalMax, rescoreCountFor } from './list-settings.ts';

/** The lists of a set as a search sees them. */
export interface Searched {
  readonly model: ListModel;
  readonly lists: PostingLists;
  readonly pageIn: (list: number) => void;
}

export interface ListCandidates {
  /** The most promising first. */
  readonly candidates: Candidate[];
  readonly cost: SearchCost;
}

interface Wanted {
  readonly values: Float32Array;
  readonly topK: number;
  readonly allowed: RowBitmap;
}

/** The best that a search of some depth finds. Their closeness is an estimate without a bound, so each has to be scored. */
export function searchNearby({ lists, pageIn }: Searched, depth: SearchDepth, { values, topK, allowed }: Wanted): ListCandidates {
  const query: ListQuery = {
    values,
    count: proposalCount(topK),
    undecided: { of: topK, countMax: proposalMax(topK) },
    stop: depth.stop,
    stopsByReach: depth.stopsByReach,
    rescoreCount: rescoreCountFor(depth, topK),
    allowed,
  };
  const { rows, cost } = lists.search(query, pageIn);
  return { candidates: rows.map((row) => ({ row, closest: Infinity })), cost: { ...NO_COST, ...cost } };
}

/** All entries that may be among the `topK` closest, by reading every list. */
export function searchExactly({ model, lists, pageIn }: Searched, { values, topK, allowed }: Wanted): ListCandidates {
  const { rows, closeness, errors, cost } = lists.searchExact({ values, count: topK, stop: 0, rescoreCount: topK, allowed }, pageIn);
  const bounds = closestOf(model, values);
  const candidates = rows.map((row, i): Candidate => ({ row, closest: bounds(closeness[i]! + errors![i]!) }));
  return { candidates: candidates.sort((a, b) => b.closest - a.closest), cost: { ...NO_COST, ...cost } };
}

// Relative allowance for what rounding adds on the way from a closeness to a distance.
const ROUNDING = 1e-6;

/** Converts what lists maximise, q.x + b, to the closeness of the metric: minus the distance for `l2`, else the same. */
function closestOf(model: ListModel, values: Float32Array): (bound: number) => number {
  if (model.metric !== 'l2') return (bound) => bound + Math.abs(bound) * ROUNDING;
  const centred = new Float32Array(values.length);
  prepare(model, values, centred);
  let square = 0;
  for (const value of centred) square += value * value;
  // |q - x|^2 = |q|^2 - 2 (q.x + b)
  return (bound) => -Math.sqrt(Math.max(0, square - 2 * bound - ROUNDING * (square + 2 * Math.abs(bound))));
}
