import { SHARED_WORK_BOUNDS } from '../contract/api/shared-work.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Flight, Plain } from '../kernel/shared-work.ts';
import { SharedWork } from '../kernel/shared-work.ts';
import type { Timer } from '../kernel/timer.ts';
import type { WakeUps } from '../kernel/wake-ups.ts';

export interface MicroBatchRules {
  /** Items of one run. A request that has as many runs alone. */
  readonly itemsMax: number;
  /** Their sizes together, such as tokens. */
  readonly sizeMax: number;
  /** For so long a batch takes more requests, the first one's wait. */
  readonly waitMs: number;
  /** A request waits for others only if the one before it came at most so long ago, or is still under way. */
  readonly quietMs: number;
  /** What a run takes at most: a request that would be late by then, were it to wait, runs alone. */
  readonly runMaxMs: number;
}

export interface MicroBatcherParts<Item, Row> {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly wakeUps: WakeUps;
  readonly rules: MicroBatchRules;
  readonly sizeOf: (item: Item) => number;
  /** One row an item, in their order. */
  run(items: readonly Item[]): Promise<readonly Plain<Row>[]>;
}

/** What other requests may still join. */
interface OpenBatch<Item, Row> {
  readonly items: Item[];
  readonly flight: Flight<readonly Row[]>;
  readonly closesAtMs: number;
  size: number;
}

const OPEN = 'open';

/**
 * Runs the items of requests that are under way at the same time together, for a model whose run costs less an item the more there are.
 * A request that is alone is not kept waiting (M24). A runtime that computes within one event leaves no request under way when the next is
 * delivered: so requests that come shortly after one another count as a crowd, too. Requests join as with all shared work: the first one leads, the others look for the
 * result by themselves (SW1-SW6).
 */
export class MicroBatcher<Item, Row> {
  readonly #parts: MicroBatcherParts<Item, Row>;
  readonly #shared: SharedWork<readonly Row[]>;
  #open: OpenBatch<Item, Row> | undefined;
  /** When each request that is under way began, the oldest first. */
  readonly #underWay = new Map<number, number>();
  #serial = 0;
  #lastCameMs = -Infinity;

  constructor(parts: MicroBatcherParts<Item, Row>) {
    this.#parts = parts;
    this.#shared = new SharedWork({ ...parts, bounds: SHARED_WORK_BOUNDS });
  }

  /** The rows of `items`, in their order. Rejects with what `run` rejects with for these items alone. `deadlineMs`: as of the clock. */
  async run(items: readonly Item[], deadlineMs = Infinity): Promise<readonly Row[]> {
    const serial = (this.#serial += 1);
    const cameMs = this.#parts.clock.nowMs();
    const isQuiet = Math.abs(cameMs - this.#lastCameMs) > this.#parts.rules.quietMs;
    this.#lastCameMs = cameMs;
    this.#underWay.set(serial, cameMs);
    try {
      const rows = isQuiet && this.#isAlone() ? undefined : await this.#together(items, deadlineMs);
      return rows ?? (await this.#parts.run(items));
    } finally {
      this.#underWay.delete(serial);
    }
  }

  /** Undefined: they are to run alone. */
  async #together(items: readonly Item[], deadlineMs: number): Promise<readonly Row[] | undefined> {
    const { clock, rules, sizeOf } = this.#parts;
    const size = items.reduce((sum, item) => sum + sizeOf(item), 0);
    const isLarge = items.length >= rules.itemsMax || size >= rules.sizeMax;
    if (isLarge) return undefined;
    const open = this.#joinable(items.length, size);
    const closesAtMs = open?.closesAtMs ?? clock.nowMs() + rules.waitMs;
    if (closesAtMs + rules.runMaxMs > deadlineMs) return undefined;
    return open === undefined ? this.#lead(items, size, closesAtMs) : this.#join(open, items, size);
  }

  /** A request that was ended midway never leaves: it does not count for longer than it can have taken. */
  #isAlone(): boolean {
    const { clock, rules } = this.#parts;
    for (const [serial, beganMs] of this.#underWay) {
      if (clock.nowMs() - beganMs <= rules.waitMs + rules.runMaxMs) break;
      this.#underWay.delete(serial);
    }
    return this.#underWay.size <= 1;
  }

  #joinable(count: number, size: number): OpenBatch<Item, Row> | undefined {
    const { clock, rules } = this.#parts;
    const open = this.#open;
    // The batch of a leader that died is still here, past its time.
    if (open === undefined || clock.nowMs() >= open.closesAtMs || !this.#shared.isCurrent(OPEN, open.flight)) return undefined;
    const fits = open.items.length + count <= rules.itemsMax && open.size + size <= rules.sizeMax;
    return fits ? open : undefined;
  }

  async #join(open: OpenBatch<Item, Row>, items: readonly Item[], size: number): Promise<readonly Row[] | undefined> {
    const first = open.items.length;
    open.items.push(...items);
    open.size += size;
    const joined = await this.#shared.join(open.flight, this.#shared.waitBudget());
    // The items of another request may be why a run failed: these have not been tried yet.
    return joined.kind === 'done' ? joined.value.slice(first, first + items.length) : undefined;
  }

  async #lead(items: readonly Item[], size: number, closesAtMs: number): Promise<readonly Row[] | undefined> {
    const { clock, timer } = this.#parts;
    let ran = items.length;
    try {
      const rows = await this.#shared.lead([OPEN], async (flight) => {
        const batch: OpenBatch<Item, Row> = { items: [...items], flight, closesAtMs, size };
        this.#open = batch;
        await new Promise<void>((resolve) => void timer.after(Math.max(0, closesAtMs - clock.nowMs()), resolve));
        if (this.#shared.isCurrent(OPEN, flight)) this.#shared.drop(OPEN);
        ran = batch.items.length;
        return this.#parts.run(batch.items);
      });
      return rows.slice(0, items.length);
    } catch (error) {
      // Alone its items have failed already.
      if (ran === items.length) throw error;
      return undefined;
    }
  }
}
