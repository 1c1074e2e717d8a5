import { LIMITS } from '../src/contract/limits.ts';
import { quotaAlert } from '../src/tenancy/billing/budget.ts';
import type { ObjectsEnv } from './env.ts';
import type { RaisedAlert, SqliteAlertOutbox } from '../src/tenancy/quota/quota-store.ts';

/** The delay after which the ledger is tried again. */
const LEDGER_RETRY_MS = 5_000;

/** Delivers alerts from the quota object to the organisation's ledger. An alert is kept until the ledger has acknowledged it. */
export class AlertDispatcher {
  readonly #outbox: SqliteAlertOutbox;
  readonly #ledgers: ObjectsEnv['BILLING'];

  constructor(outbox: SqliteAlertOutbox, ledgers: ObjectsEnv['BILLING']) {
    this.#outbox = outbox;
    this.#ledgers = ledgers;
  }

  /** When to come again, if anything waits. */
  async deliver(nowMs: number): Promise<number | undefined> {
    const waiting = this.#outbox.waiting(LIMITS.usageBatchMaxCount);
    const [first] = waiting;
    if (first === undefined) return undefined;
    if (!(await this.#raise(first.organisation, waiting))) return nowMs + LEDGER_RETRY_MS;
    this.#outbox.remove(waiting.map(({ id }) => id));
    return waiting.length === LIMITS.usageBatchMaxCount ? nowMs : undefined;
  }

  async #raise(organisation: string, alerts: readonly RaisedAlert[]): Promise<boolean> {
    try {
      await this.#ledgers.get(this.#ledgers.idFromName(organisation)).raise(alerts.map(({ alert, atMs }) => quotaAlert(alert, atMs)));
      return true;
    } catch (error) {
      console.error(JSON.stringify({ level: 'error', message: `the ledger took no alerts: ${String(error)}`, organisation }));
      return false;
    }
  }
}
