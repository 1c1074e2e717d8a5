import { LIMITS } from '../../contract/limits.ts';
import type { Meter } from '../../contract/meter.ts';
import type { UsageEvent } from '../../contract/usage-event.ts';
import type { OrganisationId } from '../../kernel/ids.ts';

/** Usage that has no id of its own: equal uses within one batch are added up. */
export type Use = Omit<UsageEvent, 'id'>;

/** Events on their way to the ledger of one organisation. Sent again, unchanged, until they are acknowledged. */
export interface UsageBatch {
  readonly organisationId: OrganisationId;
  readonly events: readonly UsageEvent[];
}

/**
 * The usage of one isolate that the ledger has not acknowledged. Ids are `<isolate>:<sequence>` and given when a batch is
 * cut, so that a batch delivered twice is recorded once.
 */
export class UsageBuffer {
  readonly #isolateId: string;
  readonly #onLost: () => void;
  #sequence = 0;
  #open = new Map<string, UsageEvent>();
  #cut: UsageBatch[] = [];
  #pendingCount = 0;

  /** `onLost` is told of each line that finds no room while the ledger is away: used, and never billed. */
  constructor(isolateId: string, onLost: () => void) {
    this.#isolateId = isolateId;
    this.#onLost = onLost;
  }

  /** Adds up what nobody will deliver twice. */
  add(use: Use): void {
    const key = JSON.stringify([use.projectId, use.meter, use.model, use.route]);
    const sum = this.#open.get(key);
    if (sum === undefined) this.#insert(key, { id: `${this.#isolateId}:${this.#sequence++}`, ...use });
    else this.#open.set(key, { ...sum, quantity: sum.quantity + use.quantity });
  }

  /** Adds what may be delivered twice, under the caller's id. */
  addOnce(event: UsageEvent): void {
    if (!this.#open.has(event.id)) this.#insert(event.id, event);
  }

  /** Everything that waits, in batches of one organisation each. The batches stay until `acknowledge`. */
  batches(): readonly UsageBatch[] {
    const byOrganisation = new Map<OrganisationId, UsageEvent[]>();
    for (const event of this.#open.values()) {
      const events = byOrganisation.get(event.organisationId);
      if (events === undefined) byOrganisation.set(event.organisationId, [event]);
      else events.push(event);
    }
    for (const [organisationId, events] of byOrganisation) {
      for (let start = 0; start < events.length; start += LIMITS.usageBatchMaxCount) {
        this.#cut.push({ organisationId, events: events.slice(start, start + LIMITS.usageBatchMaxCount) });
      }
    }
    this.#open = new Map();
    return [...this.#cut];
  }

  acknowledge(batch: UsageBatch): void {
    if (!this.#cut.includes(batch)) return;
    this.#cut = this.#cut.filter((other) => other !== batch);
    this.#pendingCount -= batch.events.length;
  }

  #insert(key: string, event: UsageEvent): void {
    if (this.#pendingCount >= LIMITS.usagePendingMaxCount) {
      this.#onLost();
      return;
    }
    this.#open.set(key, event);
    this.#pendingCount += 1;
  }
}

/** The id under which a retried request is billed once for each meter. */
export const usageIdOf = (route: string, usageId: string, owner: string, meter: Meter): string => `${owner}:${route}:${usageId}:${meter}`;
