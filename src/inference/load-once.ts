import type { Outcome } from '../contract/outcome.ts';

/**
 * A value that is loaded when first asked for, by one load however many ask, and then kept.
 * A load that is refused or throws is forgotten, so the next caller tries again.
 *
 * In a Worker a load dies with the request that began it: hand the promise of `get` to `waitUntil`, or those who joined wait for ever.
 */
export class LoadOnce<T> {
  readonly #load: () => Promise<Outcome<T>>;
  #loading: Promise<Outcome<T>> | undefined;

  constructor(load: () => Promise<Outcome<T>>) {
    this.#load = load;
  }

  get(): Promise<Outcome<T>> {
    this.#loading ??= this.#loadOrForget();
    return this.#loading;
  }

  async #loadOrForget(): Promise<Outcome<T>> {
    let loaded: Outcome<T> | undefined;
    try {
      loaded = await this.#load();
      return loaded;
    } finally {
      if (loaded?.ok !== true) this.#loading = undefined;
    }
  }
}
