import type { Meter, Quantities } from '../../../contract/api/meter.ts';
import { METERS } from '../../../contract/api/meter.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../../contract/api/principal.ts';
import { assert, must } from '../../../kernel/assert.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { KeyId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import type { WakeUps } from '../../../kernel/wake-ups.ts';
import type { Amounts, CounterKey, Sum } from '../../../tenancy/quota/amounts.ts';
import { add, amountsOf, combine, COUNTER_OF, covers, isNothing, subtract } from '../../../tenancy/quota/amounts.ts';
import { pathOf } from '../../../tenancy/quota/quota-level.ts';
import type { Slice } from '../../../tenancy/quota/window.ts';
import type { PriceEdition } from '../../../tenancy/usage/price-book.ts';
import { costNanoMax, editionAt } from '../../../tenancy/usage/price-book.ts';
import type { UsageBuffer, Use } from '../../../tenancy/usage/usage-buffer.ts';
import { usageIdOf } from '../../../tenancy/usage/usage-buffer.ts';
import type { Budget, LabelledUse, RateState, Reservation, UsageLabel } from '../budget.ts';
import type { Hold, Holdings } from './holdings.ts';
import { PathSlices } from './path-slices.ts';
import type { QuotaLedgers } from '../quota-ledger.ts';
import { QuotaRequests } from './quota-requests.ts';
import { dropOldest } from '../../../kernel/drop-oldest.ts';

/** Keys whose slices an isolate holds; the least recently used is handed back first. */
const KEYS_MAX_COUNT = 10_000;

export interface SlicedBudgetParts extends ReservationParts {
  readonly ledgers: QuotaLedgers;
  /** Names this isolate among all that ever ran. */
  readonly isolateId: string;
  readonly wakeUps: WakeUps;
  /** Keeps work going after the request that began it has ended. */
  readonly background: (work: Promise<void>) => void;
}

/** Whether a call is paid for. */
type Terms = 'billed' | 'unbilled';

/** What is left of a spend limit. */
interface SpendLeft {
  readonly leftNano: number;
  readonly leftShare: number;
}

/** Serves quota from slices that the quota ledger granted to this isolate; what is drawn has been spent there already. */
export class SlicedBudget implements Budget {
  readonly #parts: SlicedBudgetParts;
  readonly #keys = new Map<KeyId, PathSlices>();
  readonly #requests: QuotaRequests;

  constructor(parts: SlicedBudgetParts) {
    this.#parts = parts;
    this.#requests = new QuotaRequests(parts);
  }

  async reserve(principal: TenantPrincipal, quantities: Quantities, terms: Terms = 'billed'): Promise<Outcome<Reservation>> {
    const reservation = new SlicedReservation(principal, this.#slicesOf(principal), this.#parts, terms);
    const reserved = await reservation.extend(quantities);
    return reserved.ok ? ok(reservation) : reserved;
  }

  rates(principal: TenantPrincipal): readonly RateState[] {
    const states = this.#keys.get(principal.keyId)?.tightest() ?? [];
    return states.flatMap(({ resource: name, limit, remaining, resetMs }) =>
      name === 'spend_nano' ? [] : [{ name, limit, remaining, resetMs }],
    );
  }

  /** Of the spend limit with the least left; undefined: there is none, or nothing was drawn yet. [T100] */
  spendLeft({ keyId }: TenantPrincipal): SpendLeft | undefined {
    const tightest = this.#keys
      .get(keyId)
      ?.tightest()
      .find(({ resource }) => resource === 'spend_nano');
    if (tightest === undefined) return undefined;
    const { limit, remaining } = tightest;
    return { leftNano: remaining, leftShare: limit === 0 ? 0 : remaining / limit };
  }

  /** Whether something that exists is limited for the caller, as of its last draw. */
  holds({ keyId }: TenantPrincipal, key: CounterKey): boolean {
    return this.#keys.get(keyId)?.holds(key) ?? false;
  }

  /** Hands in what no request has drawn on since the last call. Answers whether something is left that the next call may hand in. */
  async returnIdle(): Promise<boolean> {
    const left = await Promise.all([...this.#keys.values()].map((slices) => slices.returnIdle()));
    return left.includes(true);
  }

  #slicesOf(principal: TenantPrincipal): PathSlices {
    const known = this.#keys.get(principal.keyId);
    this.#keys.delete(principal.keyId);
    const slices = known ?? this.#newSlices(principal);
    this.#keys.set(principal.keyId, slices);
    if (known !== undefined) return known;
    // Dropped slices stay spent until their windows end: less may be used, never more.
    dropOldest(this.#keys, KEYS_MAX_COUNT);
    return slices;
  }

  #newSlices(principal: TenantPrincipal): PathSlices {
    const path = pathOf(principal);
    return new PathSlices({ ...this.#parts, take: (ask) => this.#requests.ask(principal.organisationId, { path, ask }) });
  }
}

/** The sum of quantities: of most calls there is one. */
function totalOf([first, ...more]: readonly [Quantities, ...Quantities[]]): Quantities {
  const total: Partial<Record<Meter, number>> = { ...first };
  for (const used of more) for (const meter of METERS) if (used[meter] !== undefined) total[meter] = (total[meter] ?? 0) + used[meter];
  return total;
}

export interface ReservationParts {
  readonly usage: UsageBuffer;
  readonly clock: Clock;
  readonly holdings: Holdings;
  /** Names a write among all that ever were. */
  readonly newId: () => string;
  /** Called after each settled request: usage waits to be delivered. */
  readonly onUsage: () => void;
}

/** Units of a slice, and the quantities that they were drawn for. */
interface Draw extends Slice {
  readonly quantities: Quantities;
}

/** By draw: how much of it is on some line already. */
type Booked = readonly Map<Meter | CounterKey, number>[];

/** What one call has drawn from slices: settled once, and what it did not use goes back to where it came from. */
export class SlicedReservation implements Reservation {
  readonly #principal: TenantPrincipal;
  readonly #slices: PathSlices;
  readonly #parts: ReservationParts;
  /** The prices of the whole call, whatever happens while it runs. */
  readonly #edition: PriceEdition;
  #drawn: Draw[] = [];
  /** What is about to exist, with how much of it. */
  readonly #holds: { readonly hold: Hold; readonly units: number }[] = [];
  readonly #terms: Terms;
  #isSettled = false;

  constructor(principal: TenantPrincipal, slices: PathSlices, parts: ReservationParts, terms: Terms) {
    this.#terms = terms;
    this.#principal = principal;
    this.#slices = slices;
    this.#parts = parts;
    this.#edition = editionAt(parts.clock.nowMs());
  }

  async extend(quantities: Quantities): Promise<Outcome<void>> {
    assert(!this.#isSettled, 'a settled reservation cannot be extended');
    const need = this.#amountsOf(quantities);
    if (isNothing(need)) return ok(undefined);
    const drawn = await this.#slices.draw(need);
    if (!drawn.ok) return drawn;
    this.#drawn.push({ ...drawn.value, quantities });
    return this.#holdVectors(quantities.vectors_written ?? 0);
  }

  /** Whatever writes vectors reserves so first; where their number is limited, room for all of them is taken. */
  async #holdVectors(units: number): Promise<Outcome<void>> {
    const { holdings, newId } = this.#parts;
    if (units === 0 || !this.#slices.holds('vectors')) return ok(undefined);
    const hold = await holdings.hold(this.#principal, pathOf(this.#principal), 'vectors', units, newId());
    if (!hold.ok) return hold;
    this.#holds.push({ hold: hold.value, units });
    return ok(undefined);
  }

  settle(used: Quantities, label: UsageLabel, besides: readonly LabelledUse[] = []): number {
    assert(!this.#isSettled, 'a reservation is settled once');
    this.#isSettled = true;
    const all = totalOf([used, ...besides.map((beside) => beside.used)]);
    this.#refundRest(this.#amountsOf(all));
    this.#settleHolds(used.vectors_written ?? 0);
    if (this.#terms === 'unbilled') return 0;
    const booked = this.#isOfOneMinute() ? undefined : this.#drawn.map(() => new Map<Meter | CounterKey, number>());
    for (const part of [{ used, ...label }, ...besides.map((beside) => ({ ...label, ...beside }))]) {
      for (const meter of METERS) {
        const quantity = part.used[meter] ?? 0;
        if (quantity > 0) this.#record(meter, quantity, part, booked);
      }
    }
    this.#parts.onUsage();
    return costNanoMax(all, this.#edition);
  }

  /** What is drawn for quantities. */
  #amountsOf(quantities: Quantities): Amounts {
    const amounts = amountsOf(quantities, this.#edition);
    if (this.#terms === 'billed') return amounts;
    const { spend_nano: _money, ...counted } = amounts;
    return counted;
  }

  /** A call that wrote nothing may have been interrupted during a write: its reservation counts until the outcome is known. */
  #settleHolds(written: number): void {
    let rest = written;
    for (const { hold, units } of this.#holds) {
      const added = Math.min(rest, units);
      rest -= added;
      if (added > 0) hold.settle(added);
    }
  }

  /** Newest slices first: they are the likeliest to be still of use. */
  #refundRest(used: Amounts): void {
    const rest: Sum = {};
    for (const { units } of this.#drawn) add(rest, units);
    assert(covers(rest, used), 'what is used was reserved before');
    subtract(rest, used);
    for (let position = this.#drawn.length - 1; position >= 0 && !isNothing(rest); position -= 1) {
      const { units: drawn, startsMs } = must(this.#drawn[position], 'a position of the list');
      const units = combine(rest, drawn, Math.min);
      subtract(rest, units);
      this.#slices.refund({ units, startsMs });
    }
  }

  #isOfOneMinute(): boolean {
    const first = this.#drawn[0]?.startsMs.minute;
    for (const { startsMs } of this.#drawn) if (startsMs.minute !== first) return false;
    return true;
  }

  /** Usage is booked in the minutes it was granted in, so that no window's bill is above what was granted in it. `booked`: where these are several. */
  #record(meter: Meter, quantity: number, { route, model, usageId }: UsageLabel, booked: Booked | undefined): void {
    const { organisationId, tenantId, projectId, keyId } = this.#principal;
    const atMs = must(this.#drawn[0], 'a call has drawn').startsMs.minute;
    const use = { organisationId, tenantId, projectId, keyId, meter, quantity, model: model ?? null, route, atMs };
    // What may be repeated is one event: its parts could be others the next time.
    if (usageId !== undefined) this.#parts.usage.addOnce({ id: usageIdOf(route, usageId, tenantId, meter), ...use });
    else if (booked === undefined) this.#parts.usage.add(use);
    else for (const part of this.#partsOf(meter, quantity, booked)) this.#parts.usage.add({ ...use, ...part });
  }

  /** Oldest slices first: what was refunded is at the newest. */
  #partsOf(meter: Meter, quantity: number, booked: Booked): Pick<Use, 'quantity' | 'atMs'>[] {
    let rest = quantity;
    // What no counter counts is drawn under its own meter alone: it is money, which was granted in those minutes.
    const key = COUNTER_OF[meter] ?? meter;
    const parts = this.#drawn.flatMap(({ units, quantities, startsMs }, position) => {
      const done = must(booked[position], 'one for each draw');
      const drawn = COUNTER_OF[meter] === undefined ? quantities[meter] : units[COUNTER_OF[meter]];
      const part = Math.min(rest, (drawn ?? 0) - (done.get(key) ?? 0));
      rest -= part;
      done.set(key, (done.get(key) ?? 0) + part);
      return part > 0 ? [{ quantity: part, atMs: startsMs.minute }] : [];
    });
    assert(rest === 0, 'what is used was reserved under its meter');
    return parts;
  }
}
