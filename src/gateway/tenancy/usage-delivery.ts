import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { UsageBatch, UsageBuffer } from '../../tenancy/usage/usage-buffer.ts';
import { DelayedDelivery } from '../api/delayed-delivery.ts';

/** Takes a batch for good; a line that arrives again changes nothing. Rejects when it could not take it. */
export type UsageSink = (batch: UsageBatch) => Promise<void>;

interface UsageDeliveryParts {
  readonly buffer: UsageBuffer;
  readonly sink: UsageSink;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  readonly background: (work: Promise<unknown>) => void;
  /** Hands in quota that lies idle, `sliceIdleMs` after a call. Answers whether it is to run again, even if no usage comes. */
  readonly returnIdle: () => Promise<boolean>;
}

/** Delivers the usage of this isolate within `usageFlushMs`, again and again until it is acknowledged. */
export class UsageDelivery {
  readonly #parts: UsageDeliveryParts;
  readonly #delayed: DelayedDelivery;
  /** Less often than usage, which must not be lost: a caller who comes once a second finds its slice. */
  readonly #idle: DelayedDelivery;

  constructor(parts: UsageDeliveryParts) {
    this.#parts = parts;
    this.#delayed = new DelayedDelivery({ ...parts, delayMs: TENANCY_LIMITS.usageFlushMs, deliver: () => this.flush() });
    const returnIdle = async (): Promise<void> => {
      if (await parts.returnIdle()) this.#idle.notice();
    };
    this.#idle = new DelayedDelivery({ ...parts, delayMs: TENANCY_LIMITS.sliceIdleMs, deliver: returnIdle });
  }

  /** Something waits to be delivered. */
  notice(): void {
    this.#delayed.notice();
    this.#idle.notice();
  }

  /** Delivers everything that waits, now. What cannot be delivered stays. */
  async flush(): Promise<void> {
    await Promise.all(this.#parts.buffer.batches().map((batch) => this.#deliver(batch)));
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
