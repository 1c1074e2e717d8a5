import type { ForecastReply } from '../../../../src/contract/planning/capacity.ts';
import type { CapacityForecast, ForecastedSeries } from '../../../../src/gateway/planning/capacity-forecaster.ts';
import type { ComparedCeiling } from '../../../../src/gateway/planning/forecast-ceilings.ts';
import { stepsNeeded } from '../../../../src/capacity/forecast/series-forecast.ts';
import { replied, seconds } from '../wire.ts';
import { teamsReply } from '../../../../src/debt/teams/team-reply.ts';
import type { Handlers } from '../../pipeline/serve.ts';

export const capacityHandlers = {
  getCapacityTeams: ({ gateway, principal, query: { repository } }) => replied(gateway.debt.teams(principal, repository), teamsReply),
  getCapacityForecast: ({ gateway, principal, query }) =>
    replied(gateway.forecaster.read(principal, query), (forecast) => replyOf(forecast, query.horizon_days, Number(query.level))),
} satisfies Partial<Handlers>;

const replyOf = ({ atMs, series, ceilings, leftOut }: CapacityForecast, horizonDays: number, level: number): ForecastReply => ({
  object: 'capacity.forecast',
  at: seconds(atMs),
  horizon_days: horizonDays,
  level,
  series: series.map(seriesReply),
  ceilings: ceilings.map(ceilingReply),
  left_out: [...leftOut],
});

function seriesReply({ resource, step, steps, startMs, stepMs, forecast }: ForecastedSeries): ForecastReply['series'][number] {
  const isMade = forecast.kind === 'forecast';
  return {
    resource,
    status: forecast.kind,
    step,
    steps,
    steps_needed: isMade ? stepsNeeded({ season: step === 'day' ? 7 : 24 }) : forecast.stepsNeeded,
    method: isMade ? forecast.method : null,
    error: isMade && Number.isFinite(forecast.error) ? forecast.error : null,
    tried_steps: isMade ? forecast.triedSteps : null,
    points: isMade
      ? forecast.points.map(({ expected, low, high }, position) => ({ at: seconds(startMs + position * stepMs), expected, low, high }))
      : [],
  };
}

const at = (ms: number | undefined): number | null => (ms === undefined ? null : seconds(ms));

function ceilingReply({ ceiling, used, peak, basis, status, saturation, advice }: ComparedCeiling): ForecastReply['ceilings'][number] {
  return {
    kind: ceiling.kind,
    subject: ceiling.subject,
    resource: ceiling.resource,
    window: ceiling.window ?? null,
    limit: ceiling.limit,
    used,
    peak: peak ?? null,
    basis,
    status,
    reached_at: at(saturation.expectedMs),
    earliest_at: at(saturation.earliestMs),
    latest_at: at(saturation.latestMs),
    advice:
      advice === undefined
        ? null
        : {
            action: advice.action,
            quantity: advice.quantity,
            lead_days: advice.leadDays,
            order_by: Math.max(0, seconds(advice.orderByMs)),
            usd_per_month: advice.usdPerMonth ?? null,
          },
  };
}
