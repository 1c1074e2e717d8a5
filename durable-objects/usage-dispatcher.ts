import { messageOf } from '../src/contract/errors.ts';
import type { UsageEvent } from '../src/contract/usage-event.ts';
import type { OrganisationId } from '../src/kernel/ids.ts';
import type { ObjectsEnv } from './env.ts';
import type { SqliteOutbox } from '../src/scheduler/first-form-queue/sqlite-job-store.ts';

/** The delay after which the ledger is tried again. */
const LEDGER_RETRY_MS = 5_000;

/** Delivers usage from an outbox to the ledgers. An event stays in the outbox until its ledger has acknowledged it. */
export class UsageDispatcher {
  readonly #outbox: SqliteOutbox;
  readonly #ledgers: ObjectsEnv['BILLING'];

  constructor(outbox: SqliteOutbox, ledgers: ObjectsEnv['BILLING']) {
    this.#outbox = outbox;
    this.#ledgers = ledgers;
  }

  /** Sends at most `count` events that are due. A ledger that cannot be reached does not delay the others. */
  async deliver(count: number): Promise<void> {
    for (const [organisationId, events] of this.#outbox.due(Date.now(), count)) {
      const acknowledged = await this.#record(organisationId, events);
      if (acknowledged) this.#outbox.remove(events);
      else this.#outbox.postpone(events, Date.now() + LEDGER_RETRY_MS);
    }
  }

  async #record(organisationId: OrganisationId, events: readonly UsageEvent[]): Promise<boolean> {
    try {
      const recorded = await this.#ledgers.get(this.#ledgers.idFromName(organisationId)).record(events);
      if (recorded.ok) return true;
      complain(organisationId, messageOf(recorded.error));
    } catch (error) {
      complain(organisationId, `the ledger did not answer: ${String(error)}`);
    }
    return false;
  }
}

function complain(organisation: OrganisationId, message: string): void {
  console.error(JSON.stringify({ level: 'error', message, organisation }));
}
