import type { Outcome } from '../../contract/api/outcome.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { PlanningAlert } from '../../tenancy/billing/budget.ts';
import type { CapacityForecaster } from './capacity-forecaster.ts';
import type { ComparedCeiling } from './forecast-ceilings.ts';

/** The limits of a tenant that are expected to be reached within the horizon, as alerts: each once a calendar month. [K16] */
export async function capacityAlerts(
  forecaster: Pick<CapacityForecaster, 'read'>,
  tenant: TenantId,
  horizonDays: number,
): Promise<Outcome<PlanningAlert[]>> {
  const forecast = await forecaster.read({ kind: 'admin' }, { tenant, horizon_days: horizonDays, level: '0.9' });
  if (!forecast.ok) return forecast;
  const { atMs, ceilings } = forecast.value;
  return ok(ceilings.filter(({ status }) => status === 'saturates').map((compared) => alertOf(tenant, compared, atMs)));
}

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.floor(ms / 1000));

function alertOf(tenant: TenantId, { ceiling, used, saturation, advice }: ComparedCeiling, atMs: number): PlanningAlert {
  const { kind, subject, resource, window, limit } = ceiling;
  const month = new Date(atMs).toISOString().slice(0, 7);
  return {
    kind: 'capacity.saturates',
    id: ['capacity', tenant, kind, subject, resource, window ?? 'held', limit, month].join(':'),
    atMs,
    levelId: tenant,
    details: {
      limit_of: kind,
      subject,
      resource,
      window: window ?? null,
      limit,
      used,
      reached_at: seconds(saturation.expectedMs),
      earliest_at: seconds(saturation.earliestMs),
      action: advice?.action ?? null,
      order_by: seconds(advice?.orderByMs),
    },
  };
}
