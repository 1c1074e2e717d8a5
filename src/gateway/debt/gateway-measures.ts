import { debtPolicy } from '../../contract/debt/debt-policy.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import type { ObjectiveView } from '../../slo/slo-register.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { RequestLog } from '../requests/request-log-admin.ts';
import type { DebtCalls } from './debt-admin.ts';
import type { InputHistograms } from '../../tenancy/usage/input-tallies.ts';
import { gatewayFacts } from './gateway-facts.ts';
import { lengthHistogram, shiftFacts } from './input-shifts.ts';
import type { PoolHours } from './pool-idleness.ts';
import { ownPools, poolFacts, withHour } from './pool-idleness.ts';
import { DAY_MS } from '../../kernel/time-units.ts';
import { Composed } from '../api/composed.ts';

/** Requests of a model that are looked at, lately and a week before. */
const INPUTS_COUNT = 500;

interface GatewayMeasuresParts {
  readonly debt: (organisation: OrganisationId) => Pick<DebtCalls, 'measure' | 'repositories'>;
  readonly logOf: (tenant: TenantId) => Pick<RequestLog, 'page'>;
  /** How inputs were distributed, as isolates reported them. */
  readonly histogramsOf: (tenant: TenantId) => Promise<readonly InputHistograms[]>;
  readonly pools: Pick<JobQueue, 'pools' | 'operate'>;
  readonly clock: Clock;
}

/** What the gateway reports of a tenant to the debt register of its organisation. */
export class GatewayMeasures extends Composed<GatewayMeasuresParts> {
  /** Whether a repository of the tenant is registered: that of the gateway itself has no key. */
  async hasRepositories(tenant: TenantId): Promise<boolean> {
    const views = await this.parts.debt(organisationOf(tenant)).repositories(tenant);
    return views.some(({ repository: { publicKey } }) => publicKey !== null);
  }

  /** With what the tenant's own pools did in the last hour. */
  async poolHours(tenant: TenantId, known: PoolHours): Promise<PoolHours> {
    const { pools, clock } = this.parts;
    return withHour(known, await ownPools(pools, tenant), clock.nowMs());
  }

  async report(tenant: TenantId, views: readonly ObjectiveView[], pools: PoolHours): Promise<Outcome<unknown>> {
    const nowMs = this.parts.clock.nowMs();
    const models = new Set(
      views.flatMap(({ objective: { indicator } }) => ('by' in indicator && indicator.by === 'model' ? [indicator.name] : [])),
    );
    const histograms = [...(await this.parts.histogramsOf(tenant))];
    for (const model of models) histograms.push(await this.#lengths(tenant, model, nowMs));
    const nowS = Math.floor(nowMs / 1000);
    const facts = [...gatewayFacts(views, nowS), ...shiftFacts(histograms, nowS), ...poolFacts(pools, nowS)];
    const policy = debtPolicy.parse({ expects: ['service-levels'] });
    return this.parts.debt(organisationOf(tenant)).measure(tenant, facts, policy);
  }

  async #lengths(tenant: TenantId, model: string, nowMs: number): Promise<InputHistograms> {
    const log = this.parts.logOf(tenant);
    const lengths = async (fromMs: number, toMs: number): Promise<number[]> => {
      const { entries } = await log.page({ model, fromMs, toMs }, INPUTS_COUNT, undefined);
      const answered = entries.filter(({ status }) => status < 400);
      return lengthHistogram(answered.map(({ inputTokens, cachedTokens }) => inputTokens + cachedTokens));
    };
    const before = await lengths(nowMs - 8 * DAY_MS, nowMs - 7 * DAY_MS);
    return { input: 'length', subject: model, before, lately: await lengths(nowMs - DAY_MS, nowMs) };
  }
}
