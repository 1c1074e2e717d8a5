import { DurableObject } from 'cloudflare:workers';

import type { Served } from '../../durable-objects/object-namespace.ts';
import { messageOf } from '../../src/contract/api/errors.ts';
import { PLANNING_LIMITS } from '../../src/contract/planning/planning-limits.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import type { WriteLease } from '../../src/contract/tenancy/write-lease.ts';
import { ERASED_TENANT, underLease } from '../../src/contract/tenancy/write-lease.ts';
import { capacityAlerts } from '../../src/gateway/planning/capacity-alerts.ts';
import type { PoolHours } from '../../src/gateway/debt/pool-idleness.ts';
import type { CapacityAlerts, PlanningCalls } from '../../src/gateway/planning/slo-admin.ts';
import { sloAlert } from '../../src/gateway/planning/slo-alert.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { ok } from '../../src/kernel/result.ts';
import { SqliteOutbox } from '../../src/kernel/sql/sqlite-outbox.ts';
import type { Objective } from '../../src/slo/objective.ts';
import type { Cursor } from '../../src/slo/observation.ts';
import type { ObjectiveView } from '../../src/slo/slo-register.ts';
import { SloRegister } from '../../src/slo/slo-register.ts';
import type { PlanningAlert } from '../../src/tenancy/billing/budget.ts';
import { organisationOf } from '../../src/tenancy/resource-ids.ts';
import type { PlanningObjectEnv, PlanningParts } from './planning-parts.ts';
import { systemClock } from '../../durable-objects/system-time.ts';

const NO_ALERTS: CapacityAlerts = { enabled: false, horizonDays: 30 };
/** A forecast reads the ledger of 400 days. */
const FORECAST_EVERY_MS = 86_400_000;
const ALERTS_AT_ONCE = 100;
const FACTS_EVERY_MS = 3_600_000;

/**
 * The objectives of one tenant, and what it is alerted of. Its alarm observes them and delivers alerts to the ledger, which has the webhooks. It
 * lives beside its Worker, not among `durable-objects`, because observing takes use cases of the gateway.
 */
export class PlanningObject extends DurableObject<PlanningObjectEnv> implements Served<PlanningCalls> {
  readonly #register = new SloRegister(this.ctx.storage, systemClock);
  readonly #outbox = new SqliteOutbox<PlanningAlert>(this.ctx.storage);
  /** Whether `measureHourly` was called since the register was last asked for repositories. */
  #isAskedMeanwhile = false;

  async putObjective(tenant: TenantId, objective: Omit<Objective, 'createdAtMs'>, lease?: WriteLease): Promise<Outcome<ObjectiveView>> {
    if (this.#isErased()) return ERASED_TENANT;
    const put = this.#register.put(objective, lease);
    if (put.ok) await this.#watch(tenant);
    return put;
  }

  removeObjective(name: string, lease?: WriteLease): Outcome<null> {
    return this.#register.remove(name, lease);
  }

  objective(name: string): Outcome<ObjectiveView> {
    return this.#register.view(name);
  }

  objectives(): readonly ObjectiveView[] {
    return this.#register.views();
  }

  async setAlerts(tenant: TenantId, alerts: CapacityAlerts, lease?: WriteLease): Promise<Outcome<CapacityAlerts>> {
    if (this.#isErased()) return ERASED_TENANT;
    const leased = underLease(lease, Date.now());
    if (!leased.ok) return leased;
    this.#register.open();
    this.ctx.storage.kv.put('alerts', alerts);
    this.ctx.storage.kv.put('forecastMs', 0);
    await this.#watch(tenant);
    return ok(alerts);
  }

  alerts(): CapacityAlerts {
    return this.ctx.storage.kv.get<CapacityAlerts>('alerts') ?? NO_ALERTS;
  }

  async measureHourly(tenant: TenantId): Promise<void> {
    const { kv } = this.ctx.storage;
    this.#isAskedMeanwhile = true;
    if (this.#isErased() || kv.get('hasRepositories') === true) return;
    this.#register.open();
    kv.put('hasRepositories', true);
    await this.#watch(tenant);
  }

  async erase(): Promise<void> {
    this.#register.erase();
    this.#outbox.clear();
    for (const key of ['alerts', 'forecastMs', 'factsMs', 'poolHours', 'hasRepositories', 'tenant']) this.ctx.storage.kv.delete(key);
    this.ctx.storage.kv.put('erased', true);
    await this.ctx.storage.deleteAlarm();
  }

  count(): number {
    return this.#register.all().length + (this.ctx.storage.kv.get('alerts') === undefined ? 0 : 1);
  }

  override async alarm(): Promise<void> {
    const tenant = this.ctx.storage.kv.get<TenantId>('tenant');
    if (tenant === undefined || this.#isErased()) return;
    // Armed first: an interruption is followed by another alarm.
    await this.ctx.storage.setAlarm(Date.now() + PLANNING_LIMITS.sloObservedEveryMs);
    for (const { objective, cursor } of this.#register.all())
      await tried(`the objective ${objective.name}`, async () => this.#observe(tenant, objective, cursor));
    if (this.alerts().enabled) await tried('the forecast', async () => this.#forecast(tenant));
    await tried('facts', async () => this.#measure(tenant));
    await tried('alerts', async () => this.#deliver(tenant));
    const isIdle = this.#register.all().length === 0 && !this.alerts().enabled && this.#outbox.waiting(1).length === 0;
    if (!isIdle) return;
    if (this.ctx.storage.kv.get('hasRepositories') === true) await this.ctx.storage.setAlarm(this.#factsMs());
    else await this.ctx.storage.deleteAlarm();
  }

  async #observe(tenant: TenantId, objective: Objective, cursor: Cursor): Promise<void> {
    const seen = await (await this.#parts()).observer.observe(tenant, objective, cursor);
    if (!seen.ok) throw new Error(messageOf(seen.error));
    if (seen.value === undefined) return;
    this.#register.observe(objective, seen.value, (news) => {
      for (const one of news) this.#outbox.add(one.id, sloAlert(tenant, objective, one));
    });
  }

  async #forecast(tenant: TenantId): Promise<void> {
    const nowMs = Date.now();
    if (nowMs < (this.ctx.storage.kv.get<number>('forecastMs') ?? 0)) return;
    const asked = this.alerts();
    const alerts = await capacityAlerts((await this.#parts()).forecaster, tenant, asked.horizonDays);
    if (!alerts.ok) throw new Error(messageOf(alerts.error));
    // Meanwhile the tenant may have been erased, or have asked for none or for others: those come with the next alarm.
    const { enabled, horizonDays } = this.alerts();
    if (!enabled || horizonDays !== asked.horizonDays) return;
    this.ctx.storage.transactionSync(() => {
      for (const alert of alerts.value) this.#outbox.add(alert.id, alert);
      this.ctx.storage.kv.put('forecastMs', nowMs + FORECAST_EVERY_MS);
    });
  }

  /** What the gateway measures of its own debt goes into the register of the organisation. */
  async #measure(tenant: TenantId): Promise<void> {
    const { kv } = this.ctx.storage;
    const hasObjectives = this.#register.all().length > 0;
    if (Date.now() < this.#factsMs() || !(hasObjectives || kv.get('hasRepositories') === true)) return;
    kv.put('factsMs', Date.now() + FACTS_EVERY_MS);
    const { measures } = await this.#parts();
    if (!hasObjectives && !(await this.#hasRepositories(tenant))) return void kv.delete('hasRepositories');
    const pools = await measures.poolHours(tenant, kv.get<PoolHours>('poolHours') ?? {});
    if (this.#isErased()) return;
    kv.put('poolHours', pools);
    const taken = await measures.report(tenant, this.#register.views(), pools);
    if (!taken.ok) throw new Error(messageOf(taken.error));
  }

  /** Also true if a repository may have been registered after the register answered that there is none. */
  async #hasRepositories(tenant: TenantId): Promise<boolean> {
    this.#isAskedMeanwhile = false;
    return (await (await this.#parts()).measures.hasRepositories(tenant)) || this.#isAskedMeanwhile;
  }

  /** Loaded by the first alarm: other objects of this Worker need nothing of it. */
  async #parts(): Promise<PlanningParts> {
    const { planningParts } = await import('./planning-parts.ts');
    return planningParts(this.env);
  }

  /** When facts are due. */
  #factsMs(): number {
    return this.ctx.storage.kv.get<number>('factsMs') ?? 0;
  }

  async #deliver(tenant: TenantId): Promise<void> {
    const waiting = this.#outbox.waiting(ALERTS_AT_ONCE);
    if (waiting.length === 0) return;
    await this.env.BILLING.getByName(organisationOf(tenant)).raise(waiting.map(({ body }) => body));
    this.#outbox.remove(waiting.map(({ id }) => id));
  }

  async #watch(tenant: TenantId): Promise<void> {
    this.ctx.storage.kv.put('tenant', tenant);
    await this.ctx.storage.setAlarm(Date.now());
  }

  #isErased(): boolean {
    return this.ctx.storage.kv.get('erased') === true;
  }
}

/** What fails is tried again with the next alarm, and keeps nothing else from being done. */
async function tried(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(JSON.stringify({ level: 'error', message: `${what}: ${String(error)}` }));
  }
}
