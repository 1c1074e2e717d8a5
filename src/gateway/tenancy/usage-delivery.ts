import { LIMITS } from '../../contract/limits.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { UsageBatch, UsageBuffer } from '../../tenancy/usage/usage-buffer.ts';

/** Takes a batch for good; a line that arrives again changes nothing. Rejects when it could not take it. */
export type UsageSink = (batch: UsageBatch) => Promise<void>;

interface UsageDeliveryParts {
  readonly buffer: UsageBuffer;
  readonly sink: UsageSink;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  readonly background: (work: Promise<unknown>) => void;
  /** Runs with each delivery: what else an isolate does once it has a quiet moment. */
  readonly beside: () => Promise<void>;
}

/** Delivers the usage of this isolate within `usageFlushMs`, again and again until it is acknowledged. */
export class UsageDelivery {
  readonly #parts: UsageDeliveryParts;
  #dueMs = 0;

  constructor(parts: UsageDeliveryParts) {
    this.#parts = parts;
  }

  /** Something waits to be delivered. Cheap: all but the first call until the delivery do nothing. */
  notice(): void {
    const nowMs = this.#parts.clock.nowMs();
    // A delivery that is long overdue died with the request it ran in: the next request starts another.
    if (this.#dueMs !== 0 && Math.abs(nowMs - this.#dueMs) < 10 * LIMITS.usageFlushMs) return;
    this.#dueMs = nowMs + LIMITS.usageFlushMs;
    this.#parts.background(this.#deliverLater());
  }

  /** Delivers everything that waits, now. What cannot be delivered stays. */
  async flush(): Promise<void> {
    await Promise.all(this.#parts.buffer.batches().map((batch) => this.#deliver(batch)));
  }

  async #deliverLater(): Promise<void> {
    await this.#parts.sleep(LIMITS.usageFlushMs);
    this.#dueMs = 0;
    await Promise.all([this.flush(), this.#parts.beside()]);
  }

  async #deliver(batch: UsageBatch): Promise<void> {
    try {
      await this.#parts.sink(batch);
      this.#parts.buffer.acknowledge(batch);
    } catch {
      // Kept by the buffer; the next request's notice tries again.
    }
  }
}
