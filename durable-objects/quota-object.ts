import type { Held, QuotaRule, Resource } from '../src/contract/quota-rule.ts';
import { LIMITS } from '../src/contract/limits.ts';
import { assert } from '../src/kernel/assert.ts';
import type { ProjectId, KeyId, TenantId } from '../src/kernel/ids.ts';
import type { Amounts } from '../src/tenancy/quota/amounts.ts';
import type { Decision } from '../src/tenancy/quota/decision.ts';
import type { LevelId, QuotaLevel } from '../src/tenancy/quota/quota-level.ts';
import { isHeld, withRules } from '../src/tenancy/quota/quota-level.ts';
import type { LevelView, PathAsk, ReserveRequest } from '../src/tenancy/quota/quota-messages.ts';
import { reserve, settle } from '../src/tenancy/quota/reservation.ts';
import type { Taken } from '../src/tenancy/quota/take.ts';
import { levelAt, take } from '../src/tenancy/quota/take.ts';
import type { ObjectsEnv } from './env.ts';
import { SyncObject } from './itty.ts';
import { AlertCourier } from './alert-courier.ts';
import { SqliteAlertOutbox } from './sqlite/alert-outbox.ts';
import { openQuotaDatabase, SqliteQuotaStore } from './sqlite/quota-store.ts';
import { ALL, SqliteReservationStore } from './sqlite/reservation-store.ts';

/** Until every isolate reserves for what a new rule limits: its slices end with their minute. */
const RULE_KNOWN_MS = 120_000;
/** Ended reservations that one call forgets. */
const EXPIRE_MAX_COUNT = 8;

/**
 * The quotas of one organisation: the rules of each of its levels, and what has been granted against them.
 *
 * All methods are synchronous and each is one transaction over all levels, so that none sees another half done. No private fields:
 * itty-durable calls methods through a proxy, which has none.
 */
export class QuotaObject extends SyncObject {
  /** Undefined until every isolate that asks has met this object. */
  stores() {
    const { storage } = this.state;
    openQuotaDatabase(storage);
    return {
      levels: new SqliteQuotaStore(storage),
      reservations: new SqliteReservationStore(storage),
      alerts: new SqliteAlertOutbox(storage),
    };
  }

  /**
   * Grants a slice or refuses, for each path that asks. `holder` is one isolate and `sequence` rises with each of its messages:
   * remainders in a message that was delivered before are not credited again.
   */
  take(holder: string, sequence: number, asks: readonly PathAsk[]): Decision[] {
    assert(asks.length <= LIMITS.quotaAsksMaxCount, 'a message has quotaAsksMaxCount asks at most');
    const nowMs = Date.now();
    return this.state.storage.transactionSync(() => {
      const isNew = this.stores().levels.advance(holder, sequence, nowMs);
      return asks.map(({ path, ask }) => this.apply(path, (before) => take(before, isNew ? ask : { ...ask, returned: [] }, nowMs)));
    });
  }

  /** Takes units under an id. Asked for again, it answers as it did; a refusal is not remembered. */
  reserve({ id, path, units, lifeMs }: ReserveRequest): Decision {
    assert(lifeMs <= LIMITS.reservationMaxMs, 'a reservation lives reservationMaxMs at most');
    const nowMs = Date.now();
    return this.state.storage.transactionSync(() => {
      const { reservations } = this.stores();
      reservations.expire(nowMs, EXPIRE_MAX_COUNT);
      const known = reservations.find(id);
      if (known !== undefined) return known.granted;
      const decision = this.apply(path, (before) => reserve(before, units, (...what) => this.held(...what, nowMs), nowMs));
      if (decision.kind === 'granted') reservations.add(id, path, decision, nowMs + lifeMs);
      return decision;
    });
  }

  /** Gives back what a reservation took and did not use, once. False when there is none (any more): what it took stays taken. */
  settle(id: string, used: Amounts): boolean {
    const nowMs = Date.now();
    return this.state.storage.transactionSync(() => {
      const { levels, reservations } = this.stores();
      const known = reservations.find(id);
      if (known === undefined || known.isSettled) return false;
      const before = levels.path(known.path);
      levels.savePath(before, settle(before, known.granted.slice, used, nowMs));
      reservations.settle(id, known.path, used, nowMs);
      return true;
    });
  }

  /** This object's clock, by which counts begin. */
  now(): number {
    return Date.now();
  }

  /** How much a tenant has of what is counted while it exists; all of it with the last of an organisation's tenants. */
  count(
    counts: readonly { readonly tenant: TenantId; readonly units: number }[],
    resource: Held,
    isAll: boolean,
    begunAtMs: number,
  ): number {
    return this.state.storage.transactionSync(() => {
      const { reservations } = this.stores();
      for (const { tenant, units } of counts) reservations.count(tenant, resource, units, begunAtMs);
      if (isAll) reservations.count(ALL, resource, 0, begunAtMs);
      return counts.length;
    });
  }

  /** Replaces a level's rules; what has been granted stays granted. */
  setRules(id: LevelId, rules: readonly QuotaRule[]): LevelView {
    const { storage } = this.state;
    return storage.transactionSync(() => {
      const { levels } = this.stores();
      levels.save(id, withRules(levels.level(id), rules, Date.now()));
      return this.describe(id);
    });
  }

  /** The rules of a level, and what is granted in the windows of this moment. */
  describe(id: LevelId): LevelView {
    const nowMs = Date.now();
    const level: QuotaLevel = levelAt(this.stores().levels.level(id), nowMs);
    const held = level.rules.filter(({ resource }) => isHeld(resource));
    return { level, held: held.map((rule) => ({ rule, units: this.held(id, rule.resource, nowMs) ?? null })) };
  }

  /** What was granted at levels in the month that starts at `startMs`. */
  grantedIn(ids: readonly LevelId[], startMs: number): Amounts[] {
    const { levels } = this.stores();
    return ids.map((id) => levels.grantedIn(id, startMs));
  }

  /** Forgets a tenant and what is below it; answers how much of it is left. */
  erase(tenant: TenantId, below: readonly (ProjectId | KeyId)[]): number {
    return this.state.storage.transactionSync(() => {
      const { levels, reservations } = this.stores();
      reservations.erase(tenant);
      levels.erase([tenant, ...below]);
      return levels.count([tenant, ...below]);
    });
  }

  /** Carries soft alerts to the organisation's ledger, which tells whoever wants to know. */
  async alarm(): Promise<void> {
    const courier = new AlertCourier(this.stores().alerts, (this.state.env as ObjectsEnv).BILLING);
    const nextMs = await courier.deliver(Date.now());
    if (nextMs !== undefined) await this.state.storage.setAlarm(nextMs);
  }

  apply(ids: readonly LevelId[], change: (path: Taken['path']) => Taken): Decision {
    const { levels, alerts } = this.stores();
    const before = levels.path(ids);
    const { path, decision, alerts: raised } = change(before);
    levels.savePath(before, path);
    if (raised.length > 0) {
      alerts.add(path[0].id, raised, Date.now());
      void this.state.storage.setAlarm(Date.now());
    }
    return decision;
  }

  held(id: LevelId, resource: Resource, nowMs: number): number | undefined {
    const { levels, reservations } = this.stores();
    const held = reservations.held(id, resource);
    const knownAtMs = levels.level(id).rulesSetAtMs + RULE_KNOWN_MS;
    // Counted before every isolate reserved: to be counted once more.
    return held === undefined || (nowMs >= knownAtMs && held.countedAtMs < knownAtMs) ? undefined : held.units;
  }
}
