import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { Clock } from '../../kernel/clock.ts';

/**
 * The ids that were made before ids were signed, which only a directory knows. None are added any more, so they are read as a whole:
 * invented ids cost at most one call in `unsignedIdsFreshMs`, in case an older version of the gateway has just made some.
 */
export class UnsignedIds<Id extends string> {
  readonly #read: () => Promise<readonly Id[]>;
  readonly #clock: Clock;
  #known: ReadonlySet<Id> = new Set();
  #readAtMs = -Infinity;

  /** `read` rejects when the directory cannot be reached; then so does `has`. */
  constructor(read: () => Promise<readonly Id[]>, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  async has(id: Id): Promise<boolean> {
    if (this.#known.has(id)) return true;
    const nowMs = this.#clock.nowMs();
    const age = nowMs - this.#readAtMs;
    if (age >= 0 && age < TENANCY_LIMITS.unsignedIdsFreshMs) return false;
    this.#known = new Set(await this.#read());
    this.#readAtMs = nowMs;
    return this.#known.has(id);
  }
}
