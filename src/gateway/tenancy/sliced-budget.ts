import type { Quantities } from '../../contract/meter.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { TenantPrincipal } from '../../contract/principal.ts';
import type { KeyId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { CounterKey } from '../../tenancy/quota/amounts.ts';
import type { Budget, RateState, Reservation } from '../budget.ts';
import { pathOf } from './path-of.ts';
import { PathSlices } from './path-slices.ts';
import type { QuotaLedgers } from './quota-ledger.ts';
import { QuotaRequests } from './quota-requests.ts';
import type { ReservationParts } from './sliced-reservation.ts';
import { SlicedReservation } from './sliced-reservation.ts';

/** Keys whose slices an isolate holds; the least recently used is handed back first. */
const KEYS_MAX_COUNT = 10_000;

export interface SlicedBudgetParts extends ReservationParts {
  readonly ledgers: QuotaLedgers;
  /** Names this isolate among all that ever ran. */
  readonly isolateId: string;
  readonly wakeUps: WakeUps;
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

  async reserve(principal: TenantPrincipal, quantities: Quantities): Promise<Outcome<Reservation>> {
    const reservation = new SlicedReservation(principal, this.#slicesOf(principal), this.#parts);
    const reserved = await reservation.extend(quantities);
    return reserved.ok ? ok(reservation) : reserved;
  }

  rates(principal: TenantPrincipal): readonly RateState[] {
    const states = this.#keys.get(principal.keyId)?.tightest() ?? [];
    return states.map(({ resource: name, ...state }) => ({ name, ...state }));
  }

  /** Whether something that exists is limited for the caller, as of its last draw. */
  holds({ keyId }: TenantPrincipal, key: CounterKey): boolean {
    return this.#keys.get(keyId)?.holds(key) ?? false;
  }

  /** Hands in what no request has drawn on since the last call. */
  async returnIdle(): Promise<void> {
    await Promise.all([...this.#keys.values()].map((slices) => slices.returnIdle()));
  }

  #slicesOf(principal: TenantPrincipal): PathSlices {
    const known = this.#keys.get(principal.keyId);
    this.#keys.delete(principal.keyId);
    const slices = known ?? this.#newSlices(principal);
    this.#keys.set(principal.keyId, slices);
    const [oldest] = this.#keys.keys();
    // Dropped slices stay spent until their windows end: less may be used, never more.
    if (this.#keys.size > KEYS_MAX_COUNT && oldest !== undefined) this.#keys.delete(oldest);
    return slices;
  }

  #newSlices(principal: TenantPrincipal): PathSlices {
    const { clock, wakeUps } = this.#parts;
    const path = pathOf(principal);
    return new PathSlices({ take: (ask) => this.#requests.ask(principal.organisationId, { path, ask }), clock, wakeUps });
  }
}
