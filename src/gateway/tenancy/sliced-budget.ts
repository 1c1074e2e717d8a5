import type { Meter, Quantities } from '../../contract/meter.ts';
import { METERS } from '../../contract/meter.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { TenantPrincipal } from '../../contract/principal.ts';
import { assert } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Amounts } from '../../tenancy/quota/amounts.ts';
import { amountsOf, combine, covers, isNothing, minus, plus, RESOURCES } from '../../tenancy/quota/amounts.ts';
import type { Slice } from '../../tenancy/quota/slice.ts';
import { amountNano, editionAt } from '../../tenancy/usage/price-book.ts';
import type { UsageBuffer } from '../../tenancy/usage/usage-buffer.ts';
import { usageIdOf } from '../../tenancy/usage/usage-buffer.ts';
import type { Budget, RateState, Reservation, UsageLabel } from '../budget.ts';
import type { QuotaLedger } from './tenant-slices.ts';
import { TenantSlices } from './tenant-slices.ts';

/** Tenants whose slices an isolate holds; the least recently used is handed back first. */
const TENANTS_MAX_COUNT = 10_000;

export interface SlicedBudgetParts {
  readonly ledger: QuotaLedger;
  readonly usage: UsageBuffer;
  readonly clock: Clock;
  /** Names this isolate among all that ever ran. */
  readonly isolateId: string;
  /** Keeps work running when the request that began it is gone. */
  readonly background: (work: Promise<unknown>) => void;
  /** Called after each settled request: usage waits to be delivered. */
  readonly onUsage: () => void;
}

/** Serves quota out of slices that the quota ledger granted to this isolate; what is drawn has been spent there already. */
export class SlicedBudget implements Budget {
  readonly #parts: SlicedBudgetParts;
  readonly #tenants = new Map<TenantId, TenantSlices>();

  constructor(parts: SlicedBudgetParts) {
    this.#parts = parts;
  }

  async reserve(principal: TenantPrincipal, quantities: Quantities): Promise<Outcome<Reservation>> {
    const reservation = new SlicedReservation(principal, this.#slicesOf(principal), this.#parts);
    const reserved = await reservation.extend(quantities);
    return reserved.ok ? ok(reservation) : reserved;
  }

  rates(principal: TenantPrincipal): readonly RateState[] {
    const minute = this.#slicesOf(principal).state();
    if (minute === undefined) return [];
    const { limits, remaining, lifeMs: resetMs } = minute;
    const limited = RESOURCES.filter((name) => limits[name] < Number.MAX_SAFE_INTEGER);
    return limited.map((name) => ({ name, limit: limits[name], remaining: remaining[name], resetMs }));
  }

  /** Hands in what no request has drawn on since the last call. */
  async returnIdle(): Promise<void> {
    await Promise.all([...this.#tenants.values()].map((slices) => slices.returnIdle()));
  }

  #slicesOf({ organisationId, tenantId }: TenantPrincipal): TenantSlices {
    const { ledger, clock, isolateId, background } = this.#parts;
    const known = this.#tenants.get(tenantId);
    this.#tenants.delete(tenantId);
    const holder = `${isolateId}:${tenantId}`;
    const slices =
      known ??
      new TenantSlices({ take: (sequence, ask) => ledger.take(organisationId, tenantId, holder, sequence, ask), clock, background });
    this.#tenants.set(tenantId, slices);
    const [oldest] = this.#tenants.keys();
    // Dropped slices stay spent until their windows end: less may be used, never more.
    if (this.#tenants.size > TENANTS_MAX_COUNT && oldest !== undefined) this.#tenants.delete(oldest);
    return slices;
  }
}

class SlicedReservation implements Reservation {
  readonly #principal: TenantPrincipal;
  readonly #slices: TenantSlices;
  readonly #parts: SlicedBudgetParts;
  #drawn: Slice[] = [];
  #isSettled = false;

  constructor(principal: TenantPrincipal, slices: TenantSlices, parts: SlicedBudgetParts) {
    this.#principal = principal;
    this.#slices = slices;
    this.#parts = parts;
  }

  async extend(quantities: Quantities): Promise<Outcome<void>> {
    assert(!this.#isSettled, 'a settled reservation cannot be extended');
    const need = amountsOf(quantities);
    if (isNothing(need)) return ok(undefined);
    const drawn = await this.#slices.draw(need);
    if (!drawn.ok) return drawn;
    this.#drawn.push(drawn.value);
    return ok(undefined);
  }

  settle(used: Quantities, label: UsageLabel): number {
    assert(!this.#isSettled, 'a reservation is settled once');
    this.#isSettled = true;
    this.#refundRest(amountsOf(used));
    const atMs = this.#parts.clock.nowMs();
    const { prices } = editionAt(atMs);
    let costNano = 0;
    for (const meter of METERS) {
      const quantity = used[meter] ?? 0;
      if (quantity === 0) continue;
      this.#record(meter, quantity, label, atMs);
      costNano += Number(amountNano(quantity, prices[meter]));
    }
    this.#parts.onUsage();
    return costNano;
  }

  /** Newest slices first: they are the likeliest to be still of use. */
  #refundRest(used: Amounts): void {
    const reserved = this.#drawn.reduce<Amounts>((sum, slice) => plus(sum, slice.units), { requests: 0, tokens: 0 });
    assert(covers(reserved, used), 'what is used was reserved before');
    let rest = minus(reserved, used);
    for (const slice of this.#drawn.toReversed()) {
      const units = combine(rest, slice.units, Math.min);
      rest = minus(rest, units);
      this.#slices.refund({ ...slice, units });
    }
  }

  #record(meter: Meter, quantity: number, { route, model, usageId }: UsageLabel, atMs: number): void {
    const { organisationId, tenantId, projectId } = this.#principal;
    const use = { organisationId, tenantId, projectId, meter, quantity, model: model ?? null, route, atMs };
    if (usageId === undefined) this.#parts.usage.add(use);
    else this.#parts.usage.addOnce({ id: usageIdOf(route, usageId, tenantId, meter), ...use });
  }
}
