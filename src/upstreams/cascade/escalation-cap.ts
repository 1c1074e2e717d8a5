/**
 * Holds the share of requests that a cascade escalates, in windows of fixed length. [U95]
 *
 * After every request the escalations of a window are at most `shareMax` of its requests, so far: so they are of the whole window, and of any
 * number of isolates together, each of which holds its own.
 */
export class EscalationCap {
  readonly #windowMs: number;
  #window = Number.NEGATIVE_INFINITY;
  #requests = 0;
  #escalations = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** To be called once for each request that a cascade serves. Whether it may be escalated, if `wants`: then it counts as escalated. */
  admit(wants: boolean, shareMax: number, nowMs: number): boolean {
    const window = Math.floor(nowMs / this.#windowMs);
    // A clock that goes back opens no new window, which would forget what was escalated.
    if (window > this.#window) {
      [this.#requests, this.#escalations] = [0, 0];
      this.#window = window;
    }
    this.#requests += 1;
    if (!wants || this.#escalations + 1 > shareMax * this.#requests) return false;
    this.#escalations += 1;
    return true;
  }
}
