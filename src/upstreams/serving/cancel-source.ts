import type { Cancellation } from '../transport.ts';

/** A cancellation of its own, which an outer one triggers too. */
export class CancelSource implements Cancellation {
  #isCancelled = false;
  readonly #listeners = new Set<() => void>();
  readonly #leaveOuter: () => void;

  constructor(outer?: Cancellation) {
    if (outer?.isCancelled === true) this.#isCancelled = true;
    this.#leaveOuter = outer?.onCancel(() => this.cancel()) ?? (() => undefined);
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  onCancel(run: () => void): () => void {
    if (this.#isCancelled) run();
    else this.#listeners.add(run);
    return () => void this.#listeners.delete(run);
  }

  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    const listeners = [...this.#listeners];
    this.close();
    for (const run of listeners) run();
  }

  /** Nothing is to be cancelled any more: the outer one forgets it. */
  close(): void {
    this.#listeners.clear();
    this.#leaveOuter();
  }
}
