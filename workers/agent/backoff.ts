const FIRST_MS = 100;
const LONGEST_MS = 10_000;

/** Growing pauses with jitter, so that many agents do not return to a recovering gateway in step. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;

  /** `random` answers numbers in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The next pause: between half of and the whole of 100 ms, 200 ms, ... 10 s. */
  nextMs(): number {
    const ceilingMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return ceilingMs * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
