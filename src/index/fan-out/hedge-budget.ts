/** How many calls may be made twice: a share of all, and a few at once. */
export class HedgeBudget {
  readonly #share: number;
  readonly #burstMax: number;
  #tokens: number;

  constructor(share: number, burstMax: number) {
    this.#share = share;
    this.#burstMax = burstMax;
    this.#tokens = burstMax;
  }

  /** A call that is made anyway. */
  earn(): void {
    this.#tokens = Math.min(this.#burstMax, this.#tokens + this.#share);
  }

  /** Whether a second call may be made. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
