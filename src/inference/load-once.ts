import type { Outcome } from '../contract/api/outcome.ts';
import { SHARED_WORK_BOUNDS, sharedRefusal } from '../contract/api/shared-work.ts';
import type { Clock } from '../kernel/clock.ts';
import { err } from '../kernel/result.ts';
import { SharedWork } from '../kernel/shared-work.ts';
import type { WakeUps } from '../kernel/wake-ups.ts';

export interface LoadOnceParts {
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
  /** For so long a refusal answers instead of another load, so that a crowd does not repeat one that has just failed. */
  readonly retryMs: number;
}

/**
 * A value that is loaded when first asked for, by one load however many ask, and then kept: the value, not its promise (SW1).
 * A load that throws is forgotten, so the next caller tries again; one that is refused is forgotten after the pause.
 */
export class LoadOnce<T> {
  readonly #load: () => Promise<Outcome<T>>;
  readonly #parts: LoadOnceParts;
  readonly #loads: SharedWork<Outcome<T>>;
  readonly #isUsable: (value: T) => boolean;
  #loaded: Outcome<T> | undefined;
  /** When a refusal ends. */
  #retryAtMs = Infinity;

  /** `isUsable`: a value that is no longer so is loaded again. */
  constructor(load: () => Promise<Outcome<T>>, parts: LoadOnceParts, isUsable: (value: T) => boolean = () => true) {
    this.#load = load;
    this.#isUsable = isUsable;
    this.#parts = parts;
    this.#loads = new SharedWork({ ...parts, bounds: SHARED_WORK_BOUNDS });
  }

  async get(): Promise<Outcome<T>> {
    const known = this.#loaded;
    const isCurrent = known?.ok === true ? this.#isUsable(known.value) : this.#parts.clock.nowMs() < this.#retryAtMs;
    if (known !== undefined && isCurrent) return known;
    const loaded = await this.#loads.run('', () => this.#keep());
    return loaded.ok ? loaded.value.value : err(sharedRefusal(loaded.error, 'the model, which another request loads,'));
  }

  async #keep(): Promise<Outcome<T>> {
    const loaded = await this.#load();
    this.#loaded = loaded;
    this.#retryAtMs = loaded.ok ? Infinity : this.#parts.clock.nowMs() + this.#parts.retryMs;
    return loaded;
  }
}
