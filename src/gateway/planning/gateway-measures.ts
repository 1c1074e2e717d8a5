import { debtPolicy } from '../../contract/debt-policy.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import type { ObjectiveView } from '../../slo/slo-register.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { RequestLog } from '../upstreams/request-desk.ts';
import type { DebtCalls } from './debt-desk.ts';
import type { ModelInputs } from './gateway-facts.ts';
import { gatewayFacts } from './gateway-facts.ts';
import type { PoolHours } from './pool-idleness.ts';
import { ownPools, poolFacts, withHour } from './pool-idleness.ts';

const DAY_MS = 86_400_000;
/** Requests of a model that are looked at, lately and a week before. */
const INPUTS_COUNT = 500;

interface GatewayMeasuresParts {
  readonly debt: (organisation: OrganisationId) => Pick<DebtCalls, 'measure'>;
  readonly logOf: (tenant: TenantId) => Pick<RequestLog, 'page'>;
  readonly pools: Pick<JobQueue, 'pools' | 'operate'>;
  readonly clock: Clock;
}

/** What the gateway reports of a tenant to the debt register of its organisation. */
export class GatewayMeasures {
  readonly #parts: GatewayMeasuresParts;

  constructor(parts: GatewayMeasuresParts) {
    this.#parts = parts;
  }

  /** With what the tenant's own pools did in the last hour. */
  async poolHours(tenant: TenantId, known: PoolHours): Promise<PoolHours> {
    const { pools, clock } = this.#parts;
    return withHour(known, await ownPools(pools, tenant), clock.nowMs());
  }

  async report(tenant: TenantId, views: readonly ObjectiveView[], pools: PoolHours): Promise<Outcome<unknown>> {
    const nowMs = this.#parts.clock.nowMs();
    const models = new Set(
      views.flatMap(({ objective: { indicator } }) => ('by' in indicator && indicator.by === 'model' ? [indicator.name] : [])),
    );
    const inputs: ModelInputs[] = [];
    for (const model of models) inputs.push(await this.#inputs(tenant, model, nowMs));
    const nowS = Math.floor(nowMs / 1000);
    const facts = [...gatewayFacts(views, inputs, nowS), ...poolFacts(pools, nowS)];
    const policy = debtPolicy.parse({ expects: ['service-levels'] });
    return this.#parts.debt(organisationOf(tenant)).measure(tenant, facts, policy);
  }

  async #inputs(tenant: TenantId, model: string, nowMs: number): Promise<ModelInputs> {
    const log = this.#parts.logOf(tenant);
    const tokens = async (fromMs: number, toMs: number): Promise<number[]> => {
      const { entries } = await log.page({ model, fromMs, toMs }, INPUTS_COUNT, undefined);
      return entries.filter(({ status }) => status < 400).map(({ inputTokens, cachedTokens }) => inputTokens + cachedTokens);
    };
    return { model, lately: await tokens(nowMs - DAY_MS, nowMs), before: await tokens(nowMs - 8 * DAY_MS, nowMs - 7 * DAY_MS) };
  }
}
