import type { ListCandidates } from '../engine/list-search.ts';
import type { ListSet } from '../engine/list-set.ts';
import { subspaceCount } from '../lists/list-model.ts';
import type { ListCost } from '../lists/list-search.ts';
import type { Pace } from './background-work.ts';

// What the searches of one slice take, about; and what comes to what a search costs, for it and for each candidate that it proposes.
const SLICE_NS = 4_000_000;
const QUERY_NS = 8_000;
const CANDIDATE_NS = 250;
// What it takes to read a candidate from the store and to score it.
const READ_NS = 3_000;

/** The searches of calibration between two yields: as many as a slice takes. */
export class TrialSlice {
  readonly #pace: Pick<Pace, 'sliceShare'>;
  #ns = 0;

  constructor(pace: Pick<Pace, 'sliceShare'>) {
    this.#pace = pace;
  }

  get isFull(): boolean {
    return this.#ns > this.#pace.sliceShare * SLICE_NS;
  }

  searched(listSet: ListSet, { candidates, cost }: ListCandidates): void {
    this.#ns += costOf(listSet, cost) + QUERY_NS + CANDIDATE_NS * candidates.length;
  }

  read(rowCount: number): void {
    this.#ns += READ_NS * rowCount;
  }

  /** To be yielded: the next slice begins. */
  end(): undefined {
    this.#ns = 0;
  }
}

/** In nanoseconds, about: what counts is how the parts compare. */
export const costOf = ({ model }: ListSet, { listsProbed, codesScanned, rescored }: ListCost): number =>
  20 * listsProbed + 0.02 * subspaceCount(model) * codesScanned + (20 + 0.15 * model.dimensions) * rescored;
