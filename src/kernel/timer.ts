/** Runs something later. */
export interface Timer {
  /** Answers how to call it off; afterwards that does nothing. */
  after(delayMs: number, run: () => void): () => void;
}
