import { createDurable } from 'itty-durable';

import type { Held } from '../src/contract/tenancy/quota-terms.ts';
import type { QuotaRule } from '../src/contract/tenancy/quota-rule.ts';
import type { FundAnswer, FundMessage } from '../src/contract/jobs/job-funds.ts';
import { JOB_LIMITS } from '../src/contract/jobs/job-limits.ts';
import { TENANCY_LIMITS } from '../src/contract/tenancy/tenancy-limits.ts';
import { assert } from '../src/kernel/assert.ts';
import type { TenantId } from '../src/kernel/ids.ts';
import type { Amounts } from '../src/tenancy/quota/amounts.ts';
import type { Decision, LevelView, PathAsk, ReserveRequest } from '../src/tenancy/quota/decision.ts';
import type { LevelId } from '../src/tenancy/quota/quota-level.ts';
import { AlertDispatcher } from './ledger-dispatchers.ts';
import type { ObjectsEnv } from './env.ts';
import { QuotaService } from './quota-service.ts';
import type { SyncDurable } from './sync-stub.ts';

// The library's own types are `any` and `{}`. The casts here and in `sync-stub.ts` are the only ones.
// `autoPersist` stays off: it would rewrite the whole object after each call, unawaited. State is rows.
const SyncObject = createDurable({ autoPersist: false }) as unknown as new (state: DurableObjectState, env: unknown) => SyncDurable;

/**
 * The quotas of one organisation: the rules of each of its levels, and what has been granted against them.
 *
 * All methods are synchronous and each is one transaction over all levels, so that none sees another half done. No private fields:
 * itty-durable calls methods through a proxy, which has none.
 */
export class QuotaObject extends SyncObject {
  /**
   * Grants a slice or refuses, for each path that asks. `holder` is one isolate and `sequence` rises with each of its messages:
   * remainders in a message that was delivered before are not credited again.
   */
  take(holder: string, sequence: number, asks: readonly PathAsk[]): Decision[] {
    assert(asks.length <= TENANCY_LIMITS.quotaAsksMaxCount, 'a message has quotaAsksMaxCount asks at most');
    return this.atOnce((service) => service.take(holder, sequence, asks));
  }

  /** Takes units under an id. Asked for again, it answers as it did; a refusal is not remembered. */
  reserve(request: ReserveRequest): Decision {
    assert(request.lifeMs <= TENANCY_LIMITS.reservationMaxMs, 'a reservation lives reservationMaxMs at most');
    return this.atOnce((service) => service.reserve(request));
  }

  /** Gives back what a reservation took and did not use, once. False when there is none (any more): what it took stays taken. */
  settle(id: string, used: Amounts): boolean {
    return this.atOnce((service) => service.settle(id, used));
  }

  /** Returns what jobs have not used of earlier grants; then grants what they ask for next, each in the order of the message. */
  fund(message: FundMessage): FundAnswer[] {
    const count = message.settled.length + message.asked.length;
    assert(count <= JOB_LIMITS.jobFundsBatchMaxCount, 'a message has jobFundsBatchMaxCount entries at most');
    return this.atOnce((service) => service.fund(message));
  }

  /** This object's clock, which times the counts. */
  now(): number {
    return Date.now();
  }

  /** How much tenants have of what is counted while it exists; `isAll` with the last of an organisation's tenants. */
  count(
    counts: readonly { readonly tenant: TenantId; readonly units: number }[],
    resource: Held,
    isAll: boolean,
    begunAtMs: number,
  ): number {
    return this.atOnce((service) => service.count(counts, resource, isAll, begunAtMs));
  }

  /** Replaces a level's rules; what has been granted stays granted. */
  setRules(id: LevelId, rules: readonly QuotaRule[]): LevelView {
    return this.atOnce((service) => service.setRules(id, rules));
  }

  /** Puts a rule in the place of the level's one of the same resource, window and kind, or takes that away. */
  replaceRule(id: LevelId, rule: QuotaRule, isWanted: boolean): LevelView {
    return this.atOnce((service) => service.replaceRule(id, rule, isWanted));
  }

  /** The rules of a level, and what is granted in the windows of this moment. */
  describe(id: LevelId): LevelView {
    return this.atOnce((service) => service.describe(id));
  }

  /** What was granted at levels in the month that starts at `startMs`. */
  grantedIn(ids: readonly LevelId[], startMs: number): Amounts[] {
    return this.atOnce(({ levels }) => ids.map((id) => levels.grantedIn(id, startMs)));
  }

  /** Forgets a tenant and what is below it; answers how much of it is left. */
  erase(tenant: TenantId, below: readonly LevelId[]): number {
    return this.atOnce((service) => service.erase(tenant, below));
  }

  /** How much is kept of these levels. */
  countLevels(ids: readonly LevelId[]): number {
    return this.atOnce((service) => service.left(ids));
  }

  /** Delivers alerts to the organisation's ledger, which delivers them to webhooks. */
  async alarm(): Promise<void> {
    const nowMs = Date.now();
    const dispatcher = new AlertDispatcher(new QuotaService(this.state.storage, nowMs).alerts, (this.state.env as ObjectsEnv).BILLING);
    const nextMs = await dispatcher.deliver(nowMs);
    if (nextMs !== undefined) await this.state.storage.setAlarm(nextMs);
  }

  atOnce<T>(work: (service: QuotaService) => T): T {
    const { storage } = this.state;
    const nowMs = Date.now();
    return QuotaService.transact(storage, nowMs, (service) => {
      const done = work(service);
      if (service.raised > 0) void storage.setAlarm(nowMs);
      return done;
    });
  }
}
