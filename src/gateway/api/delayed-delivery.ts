import type { Clock } from '../../kernel/clock.ts';
import { Composed } from './composed.ts';

interface DelayedDeliveryParts {
  readonly delayMs: number;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  readonly background: (work: Promise<unknown>) => void;
  /** Delivers what waits. It does not reject: what cannot be delivered stays with it. */
  readonly deliver: () => Promise<void>;
}

/** Delivers what an isolate has gathered, within a delay of the first notice. */
export class DelayedDelivery extends Composed<DelayedDeliveryParts> {
  #dueMs = 0;

  /** Something waits to be delivered. Cheap: all but the first call until the delivery do nothing. */
  notice(): void {
    const { clock, delayMs, background } = this.parts;
    const nowMs = clock.nowMs();
    // A delivery that is long overdue died with the request it ran in: the next request starts another.
    if (this.#dueMs !== 0 && Math.abs(nowMs - this.#dueMs) < 10 * delayMs) return;
    this.#dueMs = nowMs + delayMs;
    background(this.#deliverLater());
  }

  async #deliverLater(): Promise<void> {
    await this.parts.sleep(this.parts.delayMs);
    this.#dueMs = 0;
    await this.parts.deliver();
  }
}
