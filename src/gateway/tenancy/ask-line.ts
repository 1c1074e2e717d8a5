import { LIMITS } from '../../contract/limits.ts';
import { must } from '../../kernel/assert.ts';
import type { Decision } from '../../tenancy/quota/decision.ts';
import type { PathAsk } from '../../tenancy/quota/quota-messages.ts';
import type { QuotaLedger } from './quota-ledger.ts';

interface Waiting {
  readonly ask: PathAsk;
  readonly resolve: (decision: Decision) => void;
  readonly reject: (cause: unknown) => void;
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
  #isBusy = false;

  constructor(ledger: QuotaLedger, holder: string) {
    this.#ledger = ledger;
    this.#holder = holder;
  }

  /** Rejects when the ledger cannot be reached; then it is not known whether it heard. */
  ask(ask: PathAsk): Promise<Decision> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ask, resolve, reject });
      if (!this.#isBusy) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    // Whatever else asks in this turn goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#send(this.#waiting.splice(0, LIMITS.quotaAsksMaxCount));
    this.#isBusy = false;
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
