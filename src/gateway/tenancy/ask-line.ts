import { LIMITS } from '../../contract/limits.ts';
import { must } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Decision } from '../../tenancy/quota/decision.ts';
import type { PathAsk } from '../../tenancy/quota/quota-messages.ts';
import type { QuotaLedger } from './quota-ledger.ts';

interface Waiting {
  readonly ask: PathAsk;
  readonly resolve: (decision: Decision) => void;
  readonly reject: (cause: unknown) => void;
}

interface AskLineParts {
  readonly ledger: QuotaLedger;
  readonly holder: string;
  readonly clock: Clock;
  /** Keeps the messages of whoever began alive when its request is gone: others wait for them. */
  readonly background: (work: Promise<unknown>) => void;
}

/**
 * One isolate's line to the quotas of one organisation: a single message is under way at a time, and what is asked meanwhile goes
 * together with the next. However many keys an organisation has and however busy they are, its object hears an isolate no more often
 * than it answers.
 */
export class AskLine {
  readonly #ledger: QuotaLedger;
  readonly #holder: string;
  #sequence = 0;
  #waiting: Waiting[] = [];
  #busySinceMs = 0;

  readonly #clock: Clock;
  readonly #background: (work: Promise<unknown>) => void;

  constructor({ ledger, holder, clock, background }: AskLineParts) {
    this.#ledger = ledger;
    this.#holder = holder;
    this.#clock = clock;
    this.#background = background;
  }

  /** Rejects when the ledger cannot be reached; then it is not known whether it heard. */
  ask(ask: PathAsk): Promise<Decision> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ask, resolve, reject });
      // A message that takes longer than one can died with the request it ran in.
      const isBusy = Math.abs(this.#clock.nowMs() - this.#busySinceMs) < 2 * LIMITS.controlTimeoutMs;
      if (!isBusy) this.#background(this.#run());
    });
  }

  async #run(): Promise<void> {
    this.#busySinceMs = this.#clock.nowMs();
    // Whatever else asks in this turn goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      this.#busySinceMs = this.#clock.nowMs();
      await this.#send(this.#waiting.splice(0, LIMITS.quotaAsksMaxCount));
    }
    this.#busySinceMs = 0;
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    try {
      const decisions = await this.#ledger.take(
        this.#holder,
        this.#sequence++,
        batch.map(({ ask }) => ask),
      );
      batch.forEach(({ resolve }, position) => resolve(must(decisions[position], 'every ask is answered')));
    } catch (cause) {
      for (const { reject } of batch) reject(cause);
    }
  }
}
