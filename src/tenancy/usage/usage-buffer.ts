import { addCounts } from '../../contract/caches/cache-tally.ts';
import type { CacheTally } from '../../contract/caches/cache-tally.ts';
import type { CallTally } from '../../contract/tenancy/call-tally.ts';
import type { InputTally } from '../../contract/tenancy/input-tally.ts';
import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { Meter, UsageEvent } from '../../contract/api/meter.ts';
import type { OrganisationId } from '../../kernel/ids.ts';

/** Usage that has no id of its own: equal uses within one batch are added up. */
export type Use = Omit<UsageEvent, 'id'>;

/** Events for the ledger of one organisation. Sent again, unchanged, until they are acknowledged. */
export interface UsageBatch {
  readonly organisationId: OrganisationId;
  readonly events: readonly UsageEvent[];
  /** What the caches did, how calls were answered and how inputs were distributed: it is sent along, so that reporting it costs no call. */
  readonly tallies: readonly Tally[];
}

export type Tally = CacheTally | CallTally | InputTally;

type Unnumbered<T> = Omit<T, 'id' | 'isolateId'>;

const lineCount = ({ events, tallies }: UsageBatch): number => events.length + tallies.length;

/** A line that grows in place until it is cut: every request adds to some. */
type Counted<T> = { -readonly [K in keyof T]: T[K] };

/**
 * The usage of one isolate that the ledger has not acknowledged. Ids are `<isolate>:<sequence>` and given when a batch is formed, so that a
 * batch delivered twice is recorded once.
 */
export class UsageBuffer {
  readonly #isolateId: string;
  readonly #onLost: () => void;
  /** Numbered separately for events and tallies: the ledger remembers ranges of numbers, and these must have no holes. */
  #sequence = 0;
  #tallySequence = 0;
  #open = new Map<string, Counted<UsageEvent>>();
  #tallies = new Map<string, Tally>();
  #cut: UsageBatch[] = [];
  #pendingCount = 0;

  /** `onLost` is called with each line that finds no room while the ledger cannot be reached: used, and never billed. */
  constructor(isolateId: string, onLost: () => void) {
    this.#isolateId = isolateId;
    this.#onLost = onLost;
  }

  /** Adds up uses that are delivered only once. */
  add(use: Use): void {
    const { projectId, keyId = '', meter, model, route, accelerator = '', atMs } = use;
    // None of them contains a line feed; a model is never an empty text.
    const key = `${projectId}\n${keyId}\n${meter}\n${model ?? ''}\n${route}\n${accelerator}\n${atMs}`;
    const sum = this.#open.get(key);
    if (sum === undefined) this.#insert(key, { id: `${this.#isolateId}:${this.#sequence++}`, ...use });
    else sum.quantity += use.quantity;
  }

  /** Adds what may be delivered twice, under the caller's id. */
  addOnce(event: UsageEvent): void {
    if (!this.#open.has(event.id)) this.#insert(event.id, event);
  }

  /**
   * Adds to the report on a subject, unique within the tenant, that goes with the next batch of its organisation. Counts add up; all else is as
   * of now.
   */
  tally(subject: string, tally: Unnumbered<CacheTally> | Unnumbered<CallTally> | Unnumbered<InputTally>): void {
    const key = `${tally.tenantId}\n${subject}`;
    const sum = this.#tallies.get(key);
    if (sum !== undefined) Object.assign(sum, tally, { counts: addCounts<string>(sum.counts, tally.counts) });
    // Statistics give way to what is billed: they take half of the room at most, and are lost without a word.
    else if (this.#take(TENANCY_LIMITS.usagePendingMaxCount / 2))
      this.#tallies.set(key, { id: `${this.#isolateId}/t:${this.#tallySequence++}`, isolateId: this.#isolateId, ...tally });
  }

  /** Everything that waits, in batches of one organisation each. The batches stay until `acknowledge`. */
  batches(): readonly UsageBatch[] {
    const events = groupedByOrganisation(this.#open.values());
    const tallies = groupedByOrganisation(this.#tallies.values());
    for (const organisationId of new Set([...events.keys(), ...tallies.keys()])) {
      const [ownEvents, ownTallies] = [events.get(organisationId) ?? [], tallies.get(organisationId) ?? []];
      for (let start = 0; start < Math.max(ownEvents.length, ownTallies.length); start += TENANCY_LIMITS.usageBatchMaxCount) {
        const end = start + TENANCY_LIMITS.usageBatchMaxCount;
        this.#cut.push({ organisationId, events: ownEvents.slice(start, end), tallies: ownTallies.slice(start, end) });
      }
    }
    this.#open = new Map();
    this.#tallies = new Map();
    return [...this.#cut];
  }

  acknowledge(batch: UsageBatch): void {
    if (!this.#cut.includes(batch)) return;
    this.#cut = this.#cut.filter((other) => other !== batch);
    this.#pendingCount -= lineCount(batch);
  }

  #insert(key: string, event: UsageEvent): void {
    if (this.#take(TENANCY_LIMITS.usagePendingMaxCount)) this.#open.set(key, event);
    else this.#onLost();
  }

  /** Whether fewer than `countMax` lines wait; the room of one more is then taken. */
  #take(countMax: number): boolean {
    if (this.#pendingCount >= countMax) return false;
    this.#pendingCount += 1;
    return true;
  }
}

function groupedByOrganisation<T extends { readonly organisationId: OrganisationId }>(lines: Iterable<T>): Map<OrganisationId, T[]> {
  const groups = new Map<OrganisationId, T[]>();
  for (const line of lines) {
    const group = groups.get(line.organisationId);
    if (group === undefined) groups.set(line.organisationId, [line]);
    else group.push(line);
  }
  return groups;
}

/** The id under which a retried request is billed once for each meter. */
export const usageIdOf = (route: string, usageId: string, owner: string, meter: Meter): string => `${owner}:${route}:${usageId}:${meter}`;
