import { DebtAdmin } from '../../src/gateway/debt/debt-admin.ts';
import { SloAdmin } from '../../src/gateway/planning/slo-admin.ts';
import type { CapacityForecaster } from '../../src/gateway/planning/capacity-forecaster.ts';
import { noteIn } from '../../src/gateway/tenancy/organisation-store.ts';
import type { UsageLines } from '../../src/gateway/tenancy/usage-reader.ts';
import { UsageReader } from '../../src/gateway/tenancy/usage-reader.ts';
import { CostReporter } from '../../src/gateway/planning/cost-report.ts';
import { wireForecaster } from './adapters/planning/planning.ts';
import type { Gateway } from './compose.ts';
import { compose } from './compose.ts';
import type { GatewayEnv } from './env.ts';
import { oncePerIsolate } from './pipeline/serving.ts';

/** The gateway with forecasts of capacity, service level objectives, the cost report and the debt register. */
export interface Planning extends Gateway {
  readonly forecaster: CapacityForecaster;
  readonly costs: CostReporter;
  readonly debt: DebtAdmin;
  readonly slos: SloAdmin;
}

export const composePlanning = oncePerIsolate((env: GatewayEnv): Planning => {
  const gateway = compose(env);
  const { clock, tenancy } = gateway;
  const { organisations, flush } = tenancy;
  const lines: UsageLines = (organisation, query) => env.BILLING.getByName(organisation).usage(query);
  const note = noteIn(organisations);
  return {
    ...gateway,
    forecaster: wireForecaster(env, gateway, tenancy, new UsageReader({ organisations, lines, clock, flush })).forecaster,
    costs: new CostReporter({
      logOf: (tenant) => env.REQUEST_LOG.getByName(tenant),
      reusesOf: (tenant) => env.ROUTES.getByName(tenant).reuses([]),
      lines,
      flush,
      clock,
    }),
    debt: new DebtAdmin({
      debt: (organisation) => env.DEBT.getByName(organisation),
      measureHourly: (tenant) => env.PLANS.getByName(tenant).measureHourly(tenant),
      find: (organisation, tenant) =>
        tenant === undefined ? organisations.at(organisation).organisation() : organisations.at(organisation).tenant(tenant),
      note,
    }),
    slos: new SloAdmin({ planning: (tenant) => env.PLANS.getByName(tenant), note }),
  };
});
