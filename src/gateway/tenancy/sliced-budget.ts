import type { Quantities } from '../../contract/meter.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { TenantPrincipal } from '../../contract/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { KeyId, OrganisationId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { CounterKey } from '../../tenancy/quota/amounts.ts';
import type { UsageBuffer } from '../../tenancy/usage/usage-buffer.ts';
import type { Budget, RateState, Reservation } from '../budget.ts';
import { AskLine } from './ask-line.ts';
import type { Holdings } from './holdings.ts';
import { pathOf } from './path-of.ts';
import { PathSlices } from './path-slices.ts';
import type { QuotaLedgers } from './quota-ledger.ts';
import { SlicedReservation } from './sliced-reservation.ts';

/** Keys whose slices an isolate holds; the least recently used is handed back first. */
const KEYS_MAX_COUNT = 10_000;

export interface SlicedBudgetParts {
  readonly ledgers: QuotaLedgers;
  readonly usage: UsageBuffer;
  readonly clock: Clock;
  /** Names this isolate among all that ever ran. */
  readonly isolateId: string;
  /** Keeps work running when the request that began it is gone. */
  readonly background: (work: Promise<unknown>) => void;
  readonly holdings: Holdings;
  /** Names a write among all that ever were. */
  readonly newId: () => string;
  /** Called after each settled request: usage waits to be delivered. */
  readonly onUsage: () => void;
}

/** Serves quota out of slices that the quota ledger granted to this isolate; what is drawn has been spent there already. */
export class SlicedBudget implements Budget {
  readonly #parts: SlicedBudgetParts;
  readonly #keys = new Map<KeyId, PathSlices>();
  readonly #lines = new Map<OrganisationId, AskLine>();

  constructor(parts: SlicedBudgetParts) {
    this.#parts = parts;
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
    const { clock, background } = this.#parts;
    const [line, path] = [this.#lineTo(principal.organisationId), pathOf(principal)];
    return new PathSlices({ take: (ask) => line.ask({ path, ask }), clock, background });
  }

  #lineTo(organisationId: OrganisationId): AskLine {
    const { ledgers, isolateId, clock, background } = this.#parts;
    const line = this.#lines.get(organisationId) ?? new AskLine({ ledger: ledgers(organisationId), holder: isolateId, clock, background });
    this.#lines.set(organisationId, line);
    return line;
  }
}
