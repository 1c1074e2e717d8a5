import { JOB_LIMITS } from '../src/contract/jobs/job-limits.ts';
import { messageOf } from '../src/contract/api/errors.ts';
import { TENANCY_LIMITS } from '../src/contract/tenancy/tenancy-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { ok } from '../src/kernel/result.ts';
import type { SqliteUsageOutbox } from '../src/scheduler/served/jobs/sqlite-usage-outbox.ts';
import { quotaAlert } from '../src/tenancy/billing/budget.ts';
import type { SqliteAlertOutbox } from '../src/tenancy/quota/quota-store.ts';
import type { BillingStub, ObjectsEnv } from './env.ts';

/** The delay after which the ledger is tried again. */
const LEDGER_RETRY_MS = 5_000;

type Ledgers = ObjectsEnv['BILLING'];

/** Delivers usage from an outbox to the ledgers. An event stays in the outbox until its ledger has acknowledged it. */
export class UsageDispatcher {
  readonly #outbox: SqliteUsageOutbox;
  readonly #ledgers: Ledgers;

  constructor(outbox: SqliteUsageOutbox, ledgers: Ledgers) {
    this.#outbox = outbox;
    this.#ledgers = ledgers;
  }

  /** Sends at most `count` events that are due. A ledger that cannot be reached does not delay the others. */
  async deliver(count: number = JOB_LIMITS.schedulerBatchMaxCount): Promise<void> {
    for (const [organisation, events] of this.#outbox.due(Date.now(), count)) {
      const isTaken = await isAcknowledged(this.#ledgers, organisation, (ledger) => ledger.record(events));
      if (isTaken) this.#outbox.remove(events);
      else this.#outbox.postpone(events, Date.now() + LEDGER_RETRY_MS);
    }
  }
}

/** Delivers alerts from the quota object to the organisation's ledger. An alert is kept until the ledger has acknowledged it. */
export class AlertDispatcher {
  readonly #outbox: SqliteAlertOutbox;
  readonly #ledgers: Ledgers;

  constructor(outbox: SqliteAlertOutbox, ledgers: Ledgers) {
    this.#outbox = outbox;
    this.#ledgers = ledgers;
  }

  /** When to come again, if anything waits. */
  async deliver(nowMs: number): Promise<number | undefined> {
    const waiting = this.#outbox.waiting(TENANCY_LIMITS.usageBatchMaxCount);
    const [first] = waiting;
    if (first === undefined) return undefined;
    const alerts = waiting.map(({ alert, atMs }) => quotaAlert(alert, atMs));
    const isTaken = await isAcknowledged(this.#ledgers, first.organisation, async (ledger) => ok(await ledger.raise(alerts)));
    if (!isTaken) return nowMs + LEDGER_RETRY_MS;
    this.#outbox.remove(waiting.map(({ id }) => id));
    return waiting.length === TENANCY_LIMITS.usageBatchMaxCount ? nowMs : undefined;
  }
}

/** Whether the ledger of an organisation has taken what it was sent. */
async function isAcknowledged(
  ledgers: Ledgers,
  organisation: string,
  send: (ledger: BillingStub) => Promise<Outcome<unknown>>,
): Promise<boolean> {
  const complain = (message: string) => console.error(JSON.stringify({ level: 'error', message, organisation }));
  try {
    const taken = await send(ledgers.get(ledgers.idFromName(organisation)));
    if (taken.ok) return true;
    complain(messageOf(taken.error));
  } catch (error) {
    complain(`the ledger did not answer: ${String(error)}`);
  }
  return false;
}
