import { must } from '../../kernel/assert.ts';
import type { SearchDepth } from '../engine/list-settings.ts';
import { CALIBRATED_TOP_K } from '../engine/list-settings.ts';
import type { Candidate } from '../rescoring.ts';
import { Rescoring } from '../rescoring.ts';
import type { PlacedVector, Row, VectorMatch } from '../stored-vector.ts';
import type { MaintainedShard } from './maintained-shard.ts';
import { TrialSlice } from './trial-cost.ts';

export const TOP_K_LARGE = 100;
export const STOP_MAX = 255;

/** Finds what an exact search finds, unless codes say too little of the vectors. */
const DEEPEST: SearchDepth = { stop: STOP_MAX, stopsByReach: false, rescoreCount: 4_096, rescoreGrowth: 0 };

// Another one than that of trainings, whose sample is what lists fit best.
const SEED = 2;
// One query in so many has ground truth for large answers, which is most of what ground truth costs: each has ten times the neighbours.
const LARGE_SHARE = 4;
// The others have so many times the neighbours that are looked for, so that ties beyond the last of those show.
const TIES_SHOWN = 3;
// Candidates read at once.
const READ_ROWS = 128;
// One query in so many is searched exactly, to see whether the deepest search is exact enough for the others.
const CHECKED_SHARE = 8;

/** A stored vector as a query, with the vectors that are closest to it, itself left out: the closest first. */
interface TrialQuery extends PlacedVector {
  readonly closest: readonly VectorMatch[];
  /** How many that are, if there are as many. */
  readonly sought: number;
}

/**
 * Some vectors of the lists, with the entries closest to each. Exact search finds those of an eighth of them. Where the deepest search
 * proposes all that it found, that one finds the others', which takes a fraction of the time; else exact search does, too. [V198]
 */
export function* trialQueries(shard: MaintainedShard, listSetId: number): Generator<undefined, TrialQuery[]> {
  const { store, lists, identity, sizes } = shard;
  const rows = [...store.sampleRows(sizes.trialQueries, SEED).entries()];
  const queries: TrialQuery[] = [];
  let isDeepEnough = true;
  const slice = new TrialSlice(shard.pace);
  yield;
  for (const sample of [...rows.filter(isChecked), ...rows.filter((other) => !isChecked(other))]) {
    const [place, row] = sample;
    if (slice.isFull) yield slice.end();
    const [vector] = store.readRows([row], identity);
    if (vector === undefined) continue;
    const sought = soughtAt(place);
    const query = { ...vector, topK: sought + 1 };
    const listSet = lists.listSet(listSetId);
    const deep = isDeepEnough ? lists.nearby(listSet, DEEPEST, query) : undefined;
    const isExact = isChecked(sample) || deep === undefined;
    const exact = isExact ? lists.exactly(listSet, query) : undefined;
    for (const found of [deep, exact]) if (found !== undefined) slice.searched(listSet, found);
    const matches = yield* scored(shard, query, (exact ?? must(deep, 'a query is searched')).candidates, slice);
    if (isExact) isDeepEnough &&= areProposed(matches, deep?.candidates ?? []);
    queries.push({ ...vector, closest: matches.filter((match) => match.row !== row).slice(0, sought), sought });
  }
  return queries;
}

const soughtAt = (place: number): number => (place % LARGE_SHARE === 0 ? TOP_K_LARGE : TIES_SHOWN * CALIBRATED_TOP_K);

const isChecked = ([place]: readonly [place: number, row: Row]): boolean => place % CHECKED_SHARE === 0;

function* scored(
  { store, identity }: MaintainedShard,
  query: PlacedVector & { readonly topK: number },
  candidates: readonly Candidate[],
  slice: TrialSlice,
): Generator<undefined, VectorMatch[]> {
  const rescoring = new Rescoring(identity.metric, query, store.read(identity));
  // Where very many tie, as around zeros, all of them are read.
  for (let from = 0; from < candidates.length; from += READ_ROWS) {
    if (from > 0 && slice.isFull) yield slice.end();
    const { rowCount } = rescoring;
    rescoring.push(candidates.slice(from, from + READ_ROWS));
    if (rescoring.rowCount === rowCount) break;
    slice.read(rescoring.rowCount - rowCount);
  }
  return rescoring.matches();
}

function areProposed(matches: readonly VectorMatch[], candidates: readonly Candidate[]): boolean {
  const proposed = new Set(candidates.map(({ row }) => row));
  return matches.every(({ row }) => proposed.has(row));
}

/** Searches for `topK` whose answers are known, and how many of all their neighbours may be missed. */
export interface Trials {
  readonly topK: number;
  readonly queries: readonly Trial[];
  /** The share of the neighbours to find. */
  readonly aim: number;
  readonly missedMax: number;
}

interface Trial {
  readonly query: PlacedVector;
  /** Any `wanted` of these are a whole answer. */
  readonly closest: readonly Row[];
  readonly wanted: number;
  /** How many of those it missed when it was tried last. */
  missed: number;
}

export function trialsOf(queries: readonly TrialQuery[], topK: number, aim: number): Trials {
  const trials = queries.map(({ row, namespace, values, closest }): Trial => {
    const wanted = Math.min(topK, closest.length);
    const equal = asCloseAs(closest, wanted);
    // Where all that is known beyond them ties, others may, too, and are as good.
    const isOpen = equal.length > wanted && equal.length === closest.length;
    return { query: { row, namespace, values }, closest: equal.map((match) => match.row), wanted: isOpen ? 0 : wanted, missed: 0 };
  });
  return { topK, queries: trials, aim, missedMax: missedMax(trials, aim) };
}

const SOME_SHARE = 4;

/** A quarter of the trials. */
export function someOf({ topK, queries, aim }: Trials): Trials {
  const some = queries.filter((_, at) => at % SOME_SHARE === 0);
  return { topK, queries: some, aim, missedMax: missedMax(some, aim) };
}

const missedMax = (trials: readonly Trial[], aim: number): number =>
  Math.floor(trials.reduce((sum, { wanted }) => sum + wanted, 0) * (1 - aim));

/** The first `count`, and those that tie with the last of them: any of them will do. */
function asCloseAs(closest: readonly VectorMatch[], count: number): readonly VectorMatch[] {
  const score = closest[count - 1]?.score;
  const end = closest.findIndex((match, i) => i >= count && match.score !== score);
  return end === -1 ? closest : closest.slice(0, end);
}
