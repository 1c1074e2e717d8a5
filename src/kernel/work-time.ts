/** A piece of work that takes many times as long as they do is a poor predictor of the next. */
const OUTLIER_TIMES = 4;
const WEIGHT = 1 / 8;
/** So many samples that others' work is in: of these the least counts. */
const WITHIN_MAX_COUNT = 4;

/**
 * About how long a piece of work takes, in milliseconds: learned from the work alone, never from waiting or from what is refused. [OL1]
 *
 * A moving average that a sample moves by an eighth, the first ones by more, as TCP's of round trips (RFC 6298, section 2). Where work can only be timed together with
 * what others do meanwhile, as by a clock that stands still inside of it, the least of the last samples counts: others' work only adds
 * (the same idea as the least round trip of BBR, Cardwell et al. 2016).
 */
export class WorkTime {
  #ms: number;
  readonly #minMs: number;
  readonly #within: number[] = [];
  #samples = 0;

  constructor(firstMs: number, minMs: number) {
    this.#ms = firstMs;
    this.#minMs = minMs;
  }

  get ms(): number {
    return this.#ms;
  }

  /** What a piece of work took. */
  learn(ms: number): void {
    const sampleMs = Math.min(ms, OUTLIER_TIMES * this.#ms);
    this.#samples += 1;
    this.#ms = Math.max(this.#minMs, this.#ms + (sampleMs - this.#ms) * Math.max(WEIGHT, 1 / (this.#samples + 1)));
  }

  /** What it took at most: others' work may be in it. */
  learnWithin(ms: number): void {
    this.#within.push(ms);
    if (this.#within.length > WITHIN_MAX_COUNT) this.#within.shift();
    this.learn(Math.min(...this.#within));
  }
}
