import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';

/**
 * Recognises that vectors come in bulk, as in an import: maintenance then waits for a pause, so that the import is acknowledged sooner and
 * lists are trained once, on all of it. It does not wait for more than searches of unlisted rows can bear. [V196]
 */
export class BulkWrites {
  readonly #batchRowsMin: number;
  readonly #waitingRowsMax: number;
  #lastMs = -Infinity;
  #rows = 0;

  /** `batchRowsMin`: rows of one write that make it part of an import. `rowBytes`: what a search reads of an unlisted row. */
  constructor(batchRowsMin: number, rowBytes: number) {
    this.#batchRowsMin = batchRowsMin;
    this.#waitingRowsMax = Math.floor(INDEX_LIMITS.bulkUnlistedBytesMax / rowBytes);
  }

  wrote(rows: number, nowMs: number): void {
    if (rows < this.#batchRowsMin) return;
    this.#rows = this.isUnderWay(nowMs) ? this.#rows + rows : rows;
    this.#lastMs = nowMs;
  }

  /** Whether vectors come in bulk just now. */
  isUnderWay(nowMs: number): boolean {
    return nowMs < this.#pauseMs;
  }

  /** When to look for a pause again; undefined when maintenance need not wait. */
  waitUntilMs(nowMs: number): number | undefined {
    return this.isUnderWay(nowMs) && this.#rows < this.#waitingRowsMax ? this.#pauseMs : undefined;
  }

  get #pauseMs(): number {
    return this.#lastMs + INDEX_LIMITS.bulkPauseMs;
  }
}
