import { TENANCY_LIMITS } from '../../../contract/tenancy/tenancy-limits.ts';
import { sharedFor, SHARED_WORK_LIMITS } from '../../../contract/api/shared-work.ts';
import { must } from '../../../kernel/assert.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { OrganisationId } from '../../../kernel/ids.ts';
import { SharedWork } from '../../../kernel/shared-work.ts';
import type { WakeUps } from '../../../kernel/wake-ups.ts';
import type { Decision, PathAsk } from '../../../tenancy/quota/decision.ts';
import type { QuotaLedgers } from '../quota-ledger.ts';

/** A quota request and its outcome, as data: the request that sends it writes the answer, the one that made it reads it. */
interface Asked {
  readonly ask: PathAsk;
  isSent: boolean;
  /** After a failure it is not known whether the ledger received it. */
  answer: Answer | undefined;
}

type Answer = { readonly decision: Decision } | { readonly failure: string };

export interface QuotaRequestsParts {
  readonly ledgers: QuotaLedgers;
  /** Names this isolate among all that ever ran. */
  readonly isolateId: string;
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
}

/**
 * The quota request batcher of one isolate: for each organisation one message is under way at a time, and requests that arrive meanwhile go
 * together with the next. However many keys an organisation has and however busy they are, its object receives from an isolate no more
 * messages than it answers. A message is sent by one of the requests that wait for it (SW1).
 */
export class QuotaRequests {
  readonly #parts: QuotaRequestsParts;
  readonly #messages: SharedWork<undefined>;
  /** What is not answered yet, in order. */
  readonly #asked = new Map<OrganisationId, Set<Asked>>();
  /** Across organisations: so it rises for each, whatever is forgotten. */
  #sequence = 0;

  constructor(parts: QuotaRequestsParts) {
    this.#parts = parts;
    this.#messages = new SharedWork({
      ...parts,
      bounds: sharedFor(SHARED_WORK_LIMITS.quotaMessageMaxMs, 2 * SHARED_WORK_LIMITS.quotaMessageMaxMs),
    });
  }

  /** Rejects when the ledger cannot be reached; then it is not known whether it received the message. */
  async ask(organisationId: OrganisationId, ask: PathAsk): Promise<Decision> {
    const asked: Asked = { ask, isSent: false, answer: undefined };
    this.#asked.set(organisationId, (this.#asked.get(organisationId) ?? new Set()).add(asked));
    const waitBudget = this.#messages.waitBudget();
    while (asked.answer === undefined) {
      const sent = await this.#messages.run(organisationId, () => this.#sendNext(organisationId, 1), waitBudget);
      if (!sent.ok) this.#conclude(organisationId, asked, { failure: `no message could be sent: ${sent.error}` });
    }
    if ('failure' in asked.answer) throw new Error(asked.answer.failure);
    return asked.answer.decision;
  }

  /** Sends what waits. Requests that arrive meanwhile go with the next message; the leader of this one need not wait for that. */
  async #sendNext(organisationId: OrganisationId, messages: number): Promise<undefined> {
    // Whatever else asks in this turn goes along.
    await Promise.resolve();
    const batch = [...(this.#asked.get(organisationId) ?? [])].slice(0, TENANCY_LIMITS.quotaAsksMaxCount);
    if (batch.length === 0) return undefined;
    await this.#send(organisationId, batch);
    if (!this.#asked.has(organisationId) || messages >= SHARED_WORK_LIMITS.quotaMessagesMaxCount) return undefined;
    // The requests that wait for it get its failure.
    void this.#messages.lead([organisationId], () => this.#sendNext(organisationId, messages + 1)).catch(() => undefined);
    return undefined;
  }

  async #send(organisationId: OrganisationId, batch: readonly Asked[]): Promise<void> {
    const { ledgers, isolateId } = this.#parts;
    const asks = batch.map(once);
    let answers: readonly Answer[];
    try {
      const decisions = await ledgers(organisationId).take(isolateId, this.#sequence++, asks);
      answers = batch.map((_, at) => ({ decision: must(decisions[at], 'every ask is answered') }));
    } catch (cause) {
      const failure = cause instanceof Error ? cause.message : String(cause);
      answers = batch.map(() => ({ failure }));
    }
    for (const [at, asked] of batch.entries()) this.#conclude(organisationId, asked, must(answers[at], 'every ask is answered'));
  }

  /** The first answer counts: a message of a leader that was taken for dead may come after that of the next. */
  #conclude(organisationId: OrganisationId, asked: Asked, answer: Answer): void {
    asked.answer ??= answer;
    const line = this.#asked.get(organisationId);
    line?.delete(asked);
    if (line?.size === 0) this.#asked.delete(organisationId);
  }
}

/** As it is sent: what it returns is sent once, because the message of a leader that died may have been received. */
function once(asked: Asked): PathAsk {
  const { path, ask } = asked.ask;
  const isAgain = asked.isSent;
  asked.isSent = true;
  return isAgain ? { path, ask: { ...ask, returned: [] } } : asked.ask;
}
