import type { Row } from '../vector-engine.ts';

/** A vector that may belong to an answer: its closeness, a product or minus a distance, is at most `closest`. */
export interface Candidate {
  readonly row: Row;
  readonly closest: number;
}
