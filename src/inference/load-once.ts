import type { Outcome } from '../contract/outcome.ts';
import type { Clock } from '../kernel/clock.ts';

/** For how long a refusal answers instead of another load, so that a crowd does not repeat one that has just failed. */
export interface RetryPause {
  readonly clock: Clock;
  readonly ms: number;
}

/**
 * A value that is loaded when first asked for, by one load however many ask, and then kept.
 * A load that throws is forgotten, so the next caller tries again; one that is refused is forgotten after the pause, if there is one.
 *
 * In a Worker a load dies with the request that began it: hand the promise of `get` to `waitUntil`, or those who joined wait for ever.
 */
export class LoadOnce<T> {
  readonly #load: () => Promise<Outcome<T>>;
  readonly #pause: RetryPause | undefined;
  #loading: Promise<Outcome<T>> | undefined;
  /** When a refusal ends; undefined while the load is under way, and for good once it has succeeded. */
  #retryAtMs: number | undefined;

  constructor(load: () => Promise<Outcome<T>>, pause?: RetryPause) {
    this.#load = load;
    this.#pause = pause;
  }

  get(): Promise<Outcome<T>> {
    if (this.#retryAtMs !== undefined && this.#pause !== undefined && this.#pause.clock.nowMs() >= this.#retryAtMs) this.#forget();
    this.#loading ??= this.#loadOrForget();
    return this.#loading;
  }

  async #loadOrForget(): Promise<Outcome<T>> {
    let loaded: Outcome<T> | undefined;
    try {
      loaded = await this.#load();
      return loaded;
    } finally {
      if (loaded === undefined || (!loaded.ok && this.#pause === undefined)) this.#forget();
      else if (!loaded.ok && this.#pause !== undefined) this.#retryAtMs = this.#pause.clock.nowMs() + this.#pause.ms;
    }
  }

  #forget(): void {
    this.#loading = undefined;
    this.#retryAtMs = undefined;
  }
}
