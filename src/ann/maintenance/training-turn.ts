// A shard that does not continue for this long has lost its turn, with its memory.
const TURN_TTL_MS = 5_000;

/** Lets one shard of an isolate train at a time: a training holds a sample that the memory registry does not govern. */
export class TrainingTurn {
  #name: string | undefined;
  #untilMs = 0;

  /** Whether it is this shard's turn, which it keeps by asking again. */
  take(name: string, nowMs: number): boolean {
    if (this.#name !== undefined && this.#name !== name && nowMs < this.#untilMs) return false;
    this.#name = name;
    this.#untilMs = nowMs + TURN_TTL_MS;
    return true;
  }

  release(name: string): void {
    if (this.#name === name) this.#name = undefined;
  }
}
