/** Rows of a window that may be among the first, by ordinal, ascending, with their scores so far. */
export class Candidates {
  readonly ordinals: Uint32Array;
  readonly scores: Float64Array;
  /** 1: a clause has a posting of it. */
  readonly matched: Uint8Array;
  count = 0;

  constructor(countMax: number) {
    this.ordinals = new Uint32Array(countMax);
    this.scores = new Float64Array(countMax);
    this.matched = new Uint8Array(countMax);
  }

  push(ordinal: number, score: number, matched: 0 | 1): void {
    const at = this.count;
    this.ordinals[at] = ordinal;
    this.scores[at] = score;
    this.matched[at] = matched;
    this.count = at + 1;
  }
}
