import type { FundMessage } from '../src/contract/jobs/job-funds.ts';
import { JOB_LIMITS } from '../src/contract/jobs/job-limits.ts';
import type { OrganisationId } from '../src/kernel/ids.ts';
import type { DurableCell } from '../src/scheduler/served/durable-cell.ts';
import type { QuotaObject } from './quota-object.ts';
import { syncStub } from './sync-stub.ts';

/** The delay after which quotas that could not be reached are asked again. */
const RETRY_MS = 1_000;

/** For so long a pool waits for grants with its answer; later ones reach it by a call of their own. */
const BRIEFLY_MS = 100;

/**
 * Asks the quotas of organisations for what attempts need, and returns what they have not used. A request stays on record until its answer is
 * in, so that a lost message is sent again under the same id. Rounds run one at a time: no answer is older than the rows that it changes.
 */
export class FundsDispatcher {
  readonly #cell: DurableCell;
  readonly #quotas: DurableObjectNamespace;
  #running: Promise<void> | undefined;
  #isStale = false;

  constructor(cell: DurableCell, quotas: DurableObjectNamespace) {
    this.#cell = cell;
    this.#quotas = quotas;
  }

  /** Sends all that is due, also what comes up meanwhile. Never fails: what could not be sent is due again later. */
  run(): Promise<void> {
    this.#isStale = true;
    this.#running ??= this.#rounds().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** As `run`, for a caller that waits for attempts to start: not for long. Whether there was something to ask. */
  async runBriefly(): Promise<boolean> {
    if (!this.#cell.grants.isAsking(Date.now())) return false;
    await Promise.race([this.run(), scheduler.wait(BRIEFLY_MS)]);
    return true;
  }

  async #rounds(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      const byOrganisation = this.#cell.grants.due(Date.now(), JOB_LIMITS.jobFundsBatchMaxCount);
      await Promise.all([...byOrganisation].map(([organisation, due]) => this.#send(organisation, due)));
      if (byOrganisation.size > 0) this.#isStale = true;
    }
  }

  async #send(organisation: OrganisationId, due: FundMessage): Promise<void> {
    const settled = due.settled.map(({ id }) => id);
    try {
      const answers = await syncStub<QuotaObject>(this.#quotas, organisation).fund(due);
      this.#cell.takeFunds(answers, settled);
    } catch (error) {
      console.error(JSON.stringify({ level: 'error', message: `the quotas did not answer: ${String(error)}`, organisation }));
      const asked = due.asked.map(({ id }) => id);
      this.#cell.grants.postpone([...settled, ...asked], Date.now() + RETRY_MS);
    }
  }
}
